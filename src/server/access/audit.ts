// The audit log: a row per act, written in the transaction of the change it describes, so that neither is ever there
// without the other. Facts are ids and words of ours: no secret values, no names, no free text from jobs.
import { type QueryExecutorProvider, type RawBuilder, sql } from 'kysely'
import type { OrganisationId, ProjectId, RunId } from '../../base/ids.ts'
import { type Actor, actorId } from './actor.ts'

export type AuditEntry = {
  /** `session.start`, `token.create`, `run.cancel`, … */
  readonly action: string
  /** What it was done to: an id, or `-`. */
  readonly target: string
  readonly project?: ProjectId
  readonly run?: RunId
  readonly result: 'ok' | 'denied' | 'error'
  /** The number of the fault when it was refused. */
  readonly code?: string
  readonly facts?: Readonly<Record<string, string | number | boolean | null>>
}

/** Somebody at the sign-in page, who is not an actor yet. */
export type Stranger = { readonly kind: 'stranger'; readonly organisation: OrganisationId | null }

/** A part of the server that acts by a rule somebody set; or a runner, for a job of its. */
export type Service = {
  readonly kind: 'service' | 'host'
  readonly name: string
  readonly organisation: OrganisationId
}

const isPart = (who: Actor | Service): who is Service => who.kind === 'service' || who.kind === 'host'

export const writeAudit = async (
  db: QueryExecutorProvider,
  who: Actor | Stranger | Service,
  entry: AuditEntry,
): Promise<void> => void (await auditInsert(who, entry).execute(db))

/** For a statement that writes the change itself. */
export const auditInsert = (who: Actor | Stranger | Service, entry: AuditEntry): RawBuilder<unknown> => {
  const stranger = who.kind === 'stranger'
  const organisation = 'scope' in who ? who.scope.organisation : who.organisation
  const id = stranger ? '-' : isPart(who) ? who.name : actorId(who)
  return sql`
    insert into audit (organisation_id, actor_kind, actor_id, action, target, project_id, run_id, result, code, details)
    values (${organisation}, ${stranger ? 'user' : who.kind}, ${id}, ${entry.action},
      ${entry.target}, ${entry.project ?? null}, ${entry.run ?? null}, ${entry.result}, ${entry.code ?? null},
      ${JSON.stringify(entry.facts ?? {})}::jsonb)`
}
