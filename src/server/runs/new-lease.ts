// What an attempt has from its beginning: whose it is, and how long the server believes in its runner.
import { type RawBuilder, sql } from 'kysely'
import type { AttemptId, JobId, LeaseId, RunnerId } from '../../base/ids.ts'
import type { JobSpec } from '../../protocol/plan.ts'
import type { AttemptCause, AttemptStatus } from '../../schedule/index.ts'

export type NewLease = {
  readonly id: LeaseId
  readonly runner: RunnerId
  readonly session: number
  readonly deadlineSeconds: number
  /** Of a plan: what its runner compiles with. */
  readonly compiler: string | null
}

export type NewAttempt = {
  readonly id: AttemptId
  readonly job: JobId
  readonly number: number
  readonly cause: AttemptCause
  readonly status: AttemptStatus
  /** Of one that runs at once. */
  readonly lease: NewLease | undefined
}

/** In a statement that inserts attempts: `a`, a row for each, and below what its lease brings. */
export const newAttempts = (rows: readonly NewAttempt[]): RawBuilder<unknown> => sql`
  unnest(${rows.map(({ id }) => id)}::text[], ${rows.map(({ job }) => job)}::text[],
    ${rows.map(({ number }) => number)}::integer[], ${rows.map(({ cause }) => cause)}::text[],
    ${rows.map(({ status }) => status)}::text[], ${rows.map(({ lease }) => lease?.id ?? null)}::text[],
    ${rows.map(({ lease }) => lease?.runner ?? null)}::text[],
    ${rows.map(({ lease }) => lease?.session ?? null)}::bigint[],
    ${rows.map(({ lease }) => lease?.deadlineSeconds ?? null)}::float8[],
    ${rows.map(({ lease }) => lease?.compiler ?? null)}::text[])
    as a (id, job, number, cause, status, lease, runner, session, seconds, compiler)`

export const leaseColumns = sql`started_at, lease_id, runner_id, session, deadline_at`
export const leaseValues = sql`case a.status when 'running' then now() end, a.lease, a.runner, a.session,
  now() + make_interval(secs => a.seconds)`

/** The runner enforces the time limit; this long after it the server stops believing in the runner. */
const backstopSeconds = 900
const builtInSeconds = 900

export const leaseDeadlineSeconds = (spec: JobSpec | null): number =>
  backstopSeconds + (spec === null ? builtInSeconds : spec.timeoutMs / 1000)
