// Notices: they go out with the commit and carry ids only. Who listens in this process hears of it right after the commit;
// NOTIFY is for other servers, left out while there are none, and what it brings back of our own is dropped (database.ts).
import { type RawBuilder, sql } from 'kysely'
import type { Db } from './database.ts'
import { mayOthersListen, type Notice, tellerOf } from './tell.ts'
import { databaseBehind, databaseOf, onCommit, type Tx } from './transaction.ts'

export type { Notice }

export const notify = async (tx: Tx, notices: readonly Notice[]): Promise<void> => {
  if (notices.length === 0) return
  if (mayOthersListen(databaseOf(tx)))
    await sql`select pg_notify(channel, payload) from (${noticeRows(notices)}) as notice`.execute(tx)
  tellOnCommit(tx, notices)
}

/** In a statement that sends notices itself, together with what it writes. */
export const sendSql = (
  db: Db | Tx,
  channel: RawBuilder<unknown>,
  payload: RawBuilder<unknown>,
): RawBuilder<unknown> =>
  sql`case when ${mayOthersListen(databaseBehind(db))}::boolean then pg_notify(${channel}, ${payload}) end`

/** `channel` and `payload`. */
export const noticeRows = (notices: readonly Notice[]): RawBuilder<unknown> => {
  const channels = notices.map((notice) => notice.channel)
  const payloads = notices.map((notice) => notice.payload)
  return sql`select channel, payload from unnest(${channels}::text[], ${payloads}::text[]) as n (channel, payload)`
}

export const tellOnCommit = (tx: Tx, notices: readonly Notice[]): void => {
  const tell = tellerOf(databaseOf(tx))
  onCommit(tx, () => {
    for (const notice of notices) tell(notice)
  })
}
