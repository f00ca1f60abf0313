// Runners for people: who there is, and making one known after the vault has enrolled its key.
import { sql } from 'kysely'
import { fromBase64Url } from '../../base/bytes.ts'
import { fault } from '../../base/faults.ts'
import { parseId, type RunnerId } from '../../base/ids.ts'
import type { Runner } from '../../protocol/api/shapes.ts'
import type { RunnerFacts } from '../../protocol/runner-wire.ts'
import type { Actor } from '../access/actor.ts'
import { writeAudit } from '../access/audit.ts'
import type { Database, Db } from '../db/database.ts'
import { inTransaction } from '../db/transaction.ts'
import type { Runners } from '../use-cases.ts'
import { isHeard } from './online.ts'

export const createRunners = ({ database: { db } }: { readonly database: Database }): Runners => ({
  list: async () => ({ items: await selectRunners(db, null), next_cursor: null }),
  enroll: (actor, runner) => enroll(db, actor, runner),
})

const enroll = async (
  db: Db,
  actor: Actor,
  { id, name, publicKey }: { readonly id: RunnerId; readonly name: string; readonly publicKey: string },
): Promise<Runner> => {
  const key = fromBase64Url(publicKey)
  if (parseId('runner', id) === null || key?.length !== 32)
    throw fault('E_INPUT', { public: 'A runner has an id of ours and an Ed25519 key of 32 bytes' })
  await inTransaction(db, async (tx) => {
    const { rows } = await sql`
      insert into runners (id, name, public_key) values (${id}, ${name}, ${Buffer.from(key)})
      on conflict (id) do update set name = excluded.name, status = 'enrolled', status_reason = null
        where runners.public_key = excluded.public_key and runners.status <> 'revoked'
      returning 1`.execute(tx)
    if (rows.length === 0)
      throw fault('E_CONFLICT', { public: 'This runner id has another key, or was revoked' })
    await writeAudit(tx, actor, { action: 'runner.enroll', target: id, result: 'ok' })
  })
  const [runner] = await selectRunners(db, id)
  if (runner === undefined) throw fault('E_NOT_FOUND')
  return runner
}

type Row = {
  readonly id: RunnerId
  readonly name: string
  readonly status: 'enrolled' | 'suspended' | 'revoked'
  readonly isOnline: boolean
  readonly lastSeenAt: Date | null
  readonly facts: RunnerFacts | null
  readonly running: number
}

const selectRunners = async (db: Db, id: RunnerId | null): Promise<Runner[]> => {
  const { rows } = await sql<Row>`
    select n.id, n.name, n.status, n.last_seen_at as "lastSeenAt", n.facts,
      coalesce(${isHeard(sql`n.last_seen_at`)}, false) as "isOnline",
      (select count(*) from attempts a where a.runner_id = n.id and a.status = 'running') as running
    from runners n where n.status <> 'revoked' and (${id}::text is null or n.id = ${id}) order by n.name, n.id
    limit 1000`.execute(db)
  return rows.map((row) => ({
    id: row.id,
    name: row.name,
    status: row.status === 'suspended' ? 'suspended' : row.isOnline ? 'online' : 'offline',
    last_seen_at: row.lastSeenAt?.toISOString() ?? null,
    facts: row.facts,
    running: row.running,
  }))
}
