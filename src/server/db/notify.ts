// Notices inside a transaction: they go out with the commit and carry ids only.
import { sql } from 'kysely'
import type { Channel } from './listener.ts'
import type { Tx } from './transaction.ts'

export type Notice = { readonly channel: Channel; readonly payload: string }

export const notify = async (tx: Tx, notices: readonly Notice[]): Promise<void> => {
  if (notices.length === 0) return
  const channels = notices.map((notice) => notice.channel)
  const payloads = notices.map((notice) => notice.payload)
  await sql`select pg_notify(channel, payload)
    from unnest(${channels}::text[], ${payloads}::text[]) as notice (channel, payload)`.execute(tx)
}
