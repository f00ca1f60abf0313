// What a first contact found out: the keys of the source host, for a person to confirm, and that the code can be read.
import { sql } from 'kysely'
import type { AttemptId, ProjectId } from '../../base/ids.ts'
import type { RefsResult } from '../../protocol/runner-wire.ts'
import type { Tx } from '../db/transaction.ts'
import { addNote } from './events.ts'

export const storeRefs = async (
  tx: Tx,
  { id, project }: { readonly id: AttemptId; readonly project: ProjectId },
  { refs, hostKeys }: RefsResult,
): Promise<void> => {
  for (const { fingerprint, line } of hostKeys)
    await sql`
      insert into host_keys (project_id, fingerprint, line) values (${project}, ${fingerprint}, ${line})
      on conflict (project_id, fingerprint) do update set seen_at = now()`.execute(tx)
  if (refs.length > 0) await addNote(tx, id, `${refs.length} branches and tags can be read`)
}
