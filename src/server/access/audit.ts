// The audit log: a row per act, written in the transaction of the change it describes, so that neither is ever there
// without the other. Facts are ids and words of ours: no secret values, no names, no free text from jobs.
import { type QueryExecutorProvider, sql } from 'kysely'
import type { OrganisationId } from '../../base/ids.ts'
import { type Actor, actorId } from './actor.ts'

export type AuditEntry = {
  /** `session.start`, `token.create`, `run.cancel`, … */
  readonly action: string
  /** What it was done to: an id, or `-`. */
  readonly target: string
  readonly result: 'ok' | 'denied' | 'error'
  /** The number of the fault when it was refused. */
  readonly code?: string
  readonly facts?: Readonly<Record<string, string | number | boolean | null>>
}

/** Who, when there is no actor yet: somebody at the sign-in page. */
export type Nobody = { readonly kind: 'nobody'; readonly organisation: OrganisationId | null }

export const writeAudit = async (
  db: QueryExecutorProvider,
  who: Actor | Nobody,
  entry: AuditEntry,
): Promise<void> => {
  const organisation = who.kind === 'nobody' ? who.organisation : who.scope.organisation
  const id = who.kind === 'nobody' ? '-' : actorId(who)
  await sql`
    insert into audit_entry (id, organisation_id, actor_kind, actor_id, action, target, result, code, facts)
    values (gen_random_uuid(), ${organisation}, ${who.kind}, ${id}, ${entry.action}, ${entry.target},
      ${entry.result}, ${entry.code ?? null}, ${JSON.stringify(entry.facts ?? {})})`.execute(db)
}
