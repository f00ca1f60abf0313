// Drops the rows of frames whose attempt has its finished log as an object. Not at once, and not while somebody still follows
// it, who may be slow or have stopped to read: he goes on in the rows by the number of the frame. Called from time to time;
// nothing depends on it.
import { sql } from 'kysely'
import type { AttemptId } from '../../base/ids.ts'
import type { Db } from '../db/database.ts'

/** Returns how many batches went. */
export const pruneFrames = async (
  db: Db,
  followed: readonly AttemptId[],
  olderThanSeconds = 600,
): Promise<number> => {
  const { rows } = await sql<{ batch: number }>`
    with packed as (
      select o.attempt_id from log_objects o join attempts a on a.id = o.attempt_id
      where a.finished_at < now() - make_interval(secs => ${olderThanSeconds})
        and a.id <> all(${followed}::text[])
        and exists (select 1 from log_frames f where f.attempt_id = o.attempt_id)
      limit 500
    ), gone as (
      delete from log_frames f using packed p where f.attempt_id = p.attempt_id returning f.batch_id
    ) select distinct batch_id as batch from gone`.execute(db)
  const dropped = await sql`
    delete from log_batches b where b.id = any(${rows.map((row) => row.batch)}::bigint[])
      and not exists (select 1 from log_frames f where f.batch_id = b.id)`.execute(db)
  return Number(dropped.numAffectedRows ?? 0n)
}
