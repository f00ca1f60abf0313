// What a first contact found out: the keys of the source host, for a person to confirm, and that the code can be read.
import { createHash } from 'node:crypto'
import { sql } from 'kysely'
import type { AttemptId, ProjectId } from '../../base/ids.ts'
import type { RefsResult } from '../../protocol/runner-wire.ts'
import type { Tx } from '../db/transaction.ts'
import { withNotes } from './news.ts'

export const storeRefs = async (
  tx: Tx,
  { id, project }: { readonly id: AttemptId; readonly project: ProjectId },
  { refs, hostKeys }: RefsResult,
): Promise<void> => {
  for (const { line } of hostKeys) {
    const fingerprint = fingerprintOf(line)
    if (fingerprint === null) continue
    await sql`
      insert into host_keys (project_id, fingerprint, line) values (${project}, ${fingerprint}, ${line})
      on conflict (project_id, fingerprint) do update set seen_at = now()`.execute(tx)
  }
  if (refs.length === 0) return
  const note = `${refs.length} branches and tags can be read`
  await sql`update attempts set ${withNotes([note])} where id = ${id}`.execute(tx)
}

/** Ours, not the runner's: what a person compares must belong to the very line that is pinned. */
const fingerprintOf = (line: string): string | null => {
  const base64 = line.trim().split(' ').at(-1) ?? ''
  if (!/^[A-Za-z0-9+/]{40,}={0,2}$/.test(base64)) return null
  const digest = createHash('sha256').update(Buffer.from(base64, 'base64')).digest('base64')
  return `SHA256:${digest.replace(/=+$/, '')}`
}
