// A runner's sessions are numbered by a counter in its own directory: a higher number ends the older session and its
// leases. A number that comes again from another start of the program, or a lower one made later, can only be a second
// holder of the key: the runner is suspended and an alarm is written.
import { sql } from 'kysely'
import { fault } from '../../base/faults.ts'
import type { AttemptId, RunnerId } from '../../base/ids.ts'
import type { Log } from '../../base/log.ts'
import type { RunnerFacts } from '../../protocol/runner-wire.ts'
import type { Db } from '../db/database.ts'
import { jsonText } from '../db/json.ts'
import { inTransaction, type Tx } from '../db/transaction.ts'
import type { Caller } from './authenticate.ts'

export type SessionClaim = {
  readonly session: number
  readonly boot: string
  readonly facts: RunnerFacts | null
}

type Deps = { readonly db: Db; readonly log: Log }

/** `isNews`: it was no session that went on. */
type Session = { readonly isNews: boolean; readonly ended: readonly AttemptId[] }

/** `ended`: attempts whose session has just ended; the caller ends their leases. Throws E_RUNNER_SESSION for a wrong number. */
export const enterSession = async (deps: Deps, caller: Caller, claim: SessionClaim): Promise<Session> => {
  const { session, boot, isSeen } = caller.current
  if (isSeen && claim.facts === null && session === claim.session && boot === claim.boot)
    return { isNews: false, ended: [] }
  const facts = claim.facts === null ? null : jsonText(claim.facts)
  const { rows } = await sql`
    update runners set last_seen_at = now(), facts = coalesce(${facts}::jsonb, facts)
    where id = ${caller.id} and session = ${claim.session} and session_boot = ${claim.boot} and status = 'enrolled'
    returning 1`.execute(deps.db)
  if (rows.length === 1) return { isNews: false, ended: [] }
  const result = await inTransaction(deps.db, (tx) => openSession(tx, caller, claim, facts))
  if (result.opened) return { isNews: true, ended: result.ended }
  if (result.alarm !== null) deps.log.error('runner suspended', { runner: caller.id, reason: result.alarm })
  throw fault('E_RUNNER_SESSION', { public: result.alarm ?? 'This session was ended by a newer one' })
}

type Opened =
  | { readonly opened: true; readonly ended: readonly AttemptId[] }
  | { readonly opened: false; readonly alarm: string | null }

const openSession = async (
  tx: Tx,
  caller: Caller,
  { session, boot }: SessionClaim,
  facts: string | null,
): Promise<Opened> => {
  const { rows } = await sql<{ session: number; boot: string; iat: number; status: string }>`
    select session, session_boot as boot, session_iat as iat, status from runners where id = ${caller.id} for update`.execute(
    tx,
  )
  const last = rows[0]
  if (last === undefined || last.status !== 'enrolled') return { opened: false, alarm: null }
  if (session > last.session) {
    await sql`
      update runners set session = ${session}, session_boot = ${boot}, session_iat = ${caller.iat}, last_seen_at = now(),
        facts = coalesce(${facts}::jsonb, facts) where id = ${caller.id}`.execute(tx)
    const ended = await sql<{ id: AttemptId }>`
      select id from attempts where runner_id = ${caller.id} and status = 'running' and session < ${session}`.execute(
      tx,
    )
    return { opened: true, ended: ended.rows.map((row) => row.id) }
  }
  if (session === last.session && boot === last.boot) return { opened: true, ended: [] }
  // A request of the older session that was still on its way when the newer one opened is no clone.
  if (session < last.session && caller.iat <= last.iat) return { opened: false, alarm: null }
  const reason =
    session === last.session
      ? `session ${session} was opened twice: another machine may hold a copy of its key`
      : `session ${session} came after ${last.session}: another machine may hold a copy of its key`
  await suspend(tx, caller.id, reason)
  return { opened: false, alarm: reason }
}

const suspend = async (tx: Tx, runner: RunnerId, reason: string): Promise<void> => {
  await sql`update runners set status = 'suspended', status_reason = ${reason} where id = ${runner}`.execute(
    tx,
  )
  await sql`
    insert into audit (actor_kind, actor_id, action, target, result, code)
    values ('host', ${runner}, 'runner.suspend', ${runner}, 'denied', 'MF3007')`.execute(tx)
}
