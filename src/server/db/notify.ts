// Notices: they go out with the commit and carry ids only. Who listens in this process hears of it right after the commit;
// NOTIFY is for the other servers, and what it brings back of our own is dropped (database.ts).
import { type RawBuilder, sql } from 'kysely'
import { type Notice, tellerOf } from './tell.ts'
import { databaseOf, onCommit, type Tx } from './transaction.ts'

export type { Notice }

export const notify = async (tx: Tx, notices: readonly Notice[]): Promise<void> => {
  if (notices.length === 0) return
  await sql`select pg_notify(channel, payload) from (${noticeRows(notices)}) as notice`.execute(tx)
  tellOnCommit(tx, notices)
}

/** For a statement that sends them itself, together with what it writes: `channel` and `payload`. */
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
