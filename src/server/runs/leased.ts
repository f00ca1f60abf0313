// What is known of an attempt when it is leased: its runner is told from this (runners/lease-details.ts, which also reads it
// from the tables).
import type {
  AttemptId,
  JobId,
  LeaseId,
  OrganisationId,
  ProjectId,
  RunId,
  WorkflowId,
} from '../../base/ids.ts'
import type { ChangeFacts, JobSpec, PlanInputs, RunEvent } from '../../protocol/plan.ts'
import type { Source } from '../../protocol/runner-wire.ts'
import type { JobKind } from '../db/schema.ts'

export type LeaseDetails = {
  readonly lease: LeaseId
  readonly attempt: AttemptId
  readonly organisation: OrganisationId
  readonly organisationName: string
  readonly project: ProjectId
  readonly projectName: string
  readonly defaultBranch: string
  readonly source: Source
  readonly number: number
  readonly job: JobId
  readonly jobKind: JobKind
  readonly jobKey: string
  readonly jobName: string
  readonly jobNumber: number
  readonly shard: number
  readonly shards: number
  readonly class: string
  readonly spec: JobSpec | null
  readonly specDigest: string | null
  readonly workflow: WorkflowId | null
  readonly workflowName: string | null
  readonly run: RunId | null
  readonly runNumber: number | null
  readonly eventKind: RunEvent['kind'] | null
  /** Of a person; null where nobody knows whose push it was, or a token started it. */
  readonly startedBy: string | null
  readonly ref: string | null
  readonly commit: string | null
  readonly planDigest: string | null
  readonly parameters: PlanInputs['parameters'] | null
  /** Of the project, when one began the run. */
  readonly schedule: RunEvent['schedule'] | null
  readonly change: ChangeFacts | null
  /** Whether the vault has any for this project; which of them the job gets, it decides. */
  readonly hasSecrets: boolean
  /** Of a plan: the state of the orb store; empty without any orb. null for other jobs. */
  readonly orbsKey: string | null
  readonly untrustedInScripts: boolean
  /** Of whoever wants a job that names contexts, now. */
  readonly role: 'owner' | 'developer' | 'viewer' | null
}
