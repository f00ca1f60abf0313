// Requests with an Idempotency-Key are carried out once: whoever repeats one gets the first answer again, for a day. The
// key is reserved before the work and settled after it; a crash between the two leaves a reservation that says so,
// because nobody knows what became of the work. Called by http/binder.ts.
import { sql } from 'kysely'
import { fault, isFault } from '../base/faults.ts'
import type { Log } from '../base/log.ts'
import { type Actor, actorId } from './access/actor.ts'
import { hashOf } from './access/hashed.ts'
import type { Db } from './db/database.ts'
import { limits } from './limits.ts'

export type KeyedRequest = {
  readonly key: string
  /** Hexadecimal SHA-256 of everything that makes it this request. */
  readonly digest: string
  /** The answer holds a secret that is shown once, so it is not kept. */
  readonly showsSecret: boolean
}

export type AnsweredRequests = {
  /** What `work` answers must survive JSON. */
  once<T>(actor: Actor, request: KeyedRequest, work: () => Promise<T>): Promise<T>
}

type Row = { readonly actor: string; readonly keyHash: Uint8Array }

export const createAnsweredRequests = ({
  db,
  log,
}: {
  readonly db: Db
  readonly log: Log
}): AnsweredRequests => ({
  once: async <T>(actor: Actor, request: KeyedRequest, work: () => Promise<T>): Promise<T> => {
    const row = { actor: actorId(actor), keyHash: hashOf(request.key) }
    if (!(await reserve(db, row, request))) return (await answerAgain(db, row, request)) as T
    const after = (change: Promise<unknown>) =>
      change.catch((error: unknown) => log.warn('a keyed request stays open', { error }))
    try {
      const answer = await work()
      await after(settle(db, row, request.showsSecret ? null : JSON.stringify(answer)))
      return answer
    } catch (error) {
      if (isWithoutEffect(error)) await after(forget(db, row))
      throw error
    }
  },
})

/** A refusal changed nothing, so the key may try again; after anything else nobody knows. */
const isWithoutEffect = (error: unknown): boolean =>
  isFault(error) && error.code !== 'E_DATABASE' && error.code !== 'E_INTERNAL'

const reserve = async (db: Db, { actor, keyHash }: Row, { digest }: KeyedRequest): Promise<boolean> => {
  const { rows } = await sql`
    insert into answered_requests (actor, key_hash, request_digest)
    select ${actor}, ${keyHash}, decode(${digest}, 'hex')
    where (select count(*) from (select 1 from answered_requests where actor = ${actor}
      limit ${limits.keyedRequestsPerActorMax}) as mine) < ${limits.keyedRequestsPerActorMax}
    on conflict do nothing returning 1`.execute(db)
  return rows.length > 0
}

const answerAgain = async (db: Db, { actor, keyHash }: Row, { digest }: KeyedRequest): Promise<unknown> => {
  const { rows } = await sql<{ same: boolean; answered: boolean; answer: string | null }>`
    select request_digest = decode(${digest}, 'hex') as same, answered_at is not null as answered, answer
    from answered_requests where actor = ${actor} and key_hash = ${keyHash}`.execute(db)
  const [row] = rows
  if (row === undefined)
    throw fault('E_RATE_LIMIT', { public: 'Too many requests with an Idempotency-Key in one day' })
  if (!row.same) throw fault('E_KEY_REUSED')
  if (!row.answered) throw fault('E_KEY_OPEN')
  if (row.answer === null)
    throw fault('E_CONFLICT', {
      public:
        'This request was answered; its secret was shown once. Revoke what it made, then use another key.',
    })
  return JSON.parse(row.answer)
}

const settle = async (db: Db, row: Row, answer: string | null): Promise<void> => {
  // Only a compiled text is ever as large, and compiling it again changes nothing.
  if (answer !== null && answer.length > limits.keyedAnswerCharactersMax) return forget(db, row)
  await sql`update answered_requests set answered_at = now(), answer = ${answer}
    where actor = ${row.actor} and key_hash = ${row.keyHash}`.execute(db)
}

const forget = async (db: Db, { actor, keyHash }: Row): Promise<void> => {
  await sql`delete from answered_requests where actor = ${actor} and key_hash = ${keyHash}`.execute(db)
}

/** For the server's sweep. */
export const forgetOldRequests = async (db: Db): Promise<void> => {
  await sql`delete from answered_requests
    where begun_at < now() - make_interval(hours => ${limits.keyedRequestRememberedHours})`.execute(db)
}
