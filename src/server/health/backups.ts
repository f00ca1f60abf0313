// What is known of backups: which were made, and which were proven. The files themselves lie where the operator put
// them; the server never sees them.
import { sql } from 'kysely'
import type { Backup } from '../../protocol/api/shapes.ts'
import type { Actor } from '../access/actor.ts'
import { writeAudit } from '../access/audit.ts'
import type { Database } from '../access/queries.ts'
import { limits } from '../limits.ts'
import type { Finding } from './checks.ts'
import { span } from './words.ts'

export type BackupNote = { readonly id: string; readonly madeAt: string; readonly bytes: number }

export type Backups = {
  last(): Promise<Backup | null>
  list(): Promise<readonly Backup[]>
  noteMade(actor: Actor, backup: BackupNote): Promise<Backup>
  /** Also for one that this database does not know: it may have been made before a restore. */
  noteVerified(actor: Actor, backup: BackupNote): Promise<Backup>
}

type Row = { id: string; madeAt: Date; bytes: number; verifiedAt: Date | null }

const columns = sql`id, made_at as "madeAt", bytes, verified_at as "verifiedAt"`

const shapeOf = (row: Row): Backup => ({
  id: row.id,
  made_at: row.madeAt.toISOString(),
  bytes: row.bytes,
  verified_at: row.verifiedAt?.toISOString() ?? null,
})

export const createBackups = (db: Database): Backups => {
  const newest = async (count: number): Promise<readonly Backup[]> => {
    const { rows } = await sql<Row>`
      select ${columns} from backups order by made_at desc limit ${count}`.execute(db)
    return rows.map(shapeOf)
  }
  const note = (actor: Actor, backup: BackupNote, verified: boolean): Promise<Backup> =>
    db.transaction().execute(async (tx) => {
      const { rows } = await sql<Row>`
        insert into backups as b (id, made_at, bytes, verified_at)
        values (${backup.id}, ${backup.madeAt}, ${backup.bytes}, case when ${verified}::boolean then now() end)
        on conflict (id) do update set verified_at = coalesce(excluded.verified_at, b.verified_at)
        returning ${columns}`.execute(tx)
      const action = verified ? 'backup.verify' : 'backup.create'
      await writeAudit(tx, actor, { action, target: backup.id, result: 'ok', facts: { bytes: backup.bytes } })
      // SAFE: an insert or update of one row that did not throw returns it.
      return shapeOf(rows[0] as Row)
    })
  return {
    last: async () => (await newest(1))[0] ?? null,
    list: () => newest(limits.backupsListed),
    noteMade: (actor, backup) => note(actor, backup, false),
    noteVerified: (actor, backup) => note(actor, backup, true),
  }
}

export const judgeBackup = (last: Backup | null, now: number): Finding => {
  const mend = 'mayfly backup create --to DIRECTORY'
  if (last === null) return { status: 'weak', detail: 'there is none', mend }
  const age = now - Date.parse(last.made_at)
  const detail = `made ${span(age)} ago`
  if (age > limits.backupOldMs) return { status: 'weak', detail, mend }
  return last.verified_at === null
    ? { status: 'weak', detail: `${detail}, never proven`, mend: 'mayfly backup verify DIRECTORY' }
    : { status: 'ok', detail: `${detail}, proven` }
}
