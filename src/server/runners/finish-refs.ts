// What contact with a source host found out: its keys, for a person to confirm, that the code can be read, and, where the
// project is polled, what was pushed.
import { createHash } from 'node:crypto'
import { sql } from 'kysely'
import type { AttemptId, ProjectId } from '../../base/ids.ts'
import type { RefsResult } from '../../protocol/runner-wire.ts'
import type { Tx } from '../db/transaction.ts'
import { takeLook } from '../intake/take-look.ts'
import type { NewId } from '../new-id.ts'
import { withNotes } from './news.ts'

export const storeRefs = async (
  tx: Tx,
  newId: NewId,
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
  // What it shows no more nobody has to look at; so there are never more than one look brings.
  if (hostKeys.length > 0)
    await sql`
      delete from host_keys where project_id = ${project} and confirmed_at is null and seen_at < now()`.execute(
      tx,
    )
  const changed = await takeLook(tx, newId, { id, project }, refs)
  if (refs.length === 0) return
  const notes = [
    `${refs.length} branches and tags can be read`,
    ...(changed === null ? [] : [`${changed} of them changed since the last look`]),
  ]
  await sql`update attempts set ${withNotes(notes)} where id = ${id}`.execute(tx)
}

/** Ours, not the runner's: what a person compares must belong to the very line that is pinned. */
const fingerprintOf = (line: string): string | null => {
  const base64 = line.trim().split(' ').at(-1) ?? ''
  if (!/^[A-Za-z0-9+/]{40,}={0,2}$/.test(base64)) return null
  const digest = createHash('sha256').update(Buffer.from(base64, 'base64')).digest('base64')
  return `SHA256:${digest.replace(/=+$/, '')}`
}
