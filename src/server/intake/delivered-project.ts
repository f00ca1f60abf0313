// The project that a delivery is for, with what decides about its runs.
import { type RawBuilder, sql } from 'kysely'
import type { ProjectId } from '../../base/ids.ts'
import type { Db } from '../db/database.ts'
import type { Tx } from '../db/transaction.ts'
import type { DeliveredProject } from './store-delivery.ts'

/** `id` is known to be one that whoever asks may name: the vault or a scoped query has said so. */
export const findDeliveredProject = async (
  db: Db | Tx,
  { id }: { readonly id: ProjectId },
): Promise<DeliveredProject | null> => {
  const { rows } = await sql<DeliveredProject>`
    select ${deliveredProjectColumns} from projects p join organisations o on o.id = p.organisation_id
    where p.id = ${id}`.execute(db)
  return rows[0] ?? null
}

/** Of `p` (projects) and `o` (organisations). */
export const deliveredProjectColumns: RawBuilder<unknown> = sql`
  p.id, p.organisation_id as organisation, default_branch as "defaultBranch", auto_cancel as "autoCancel",
  coalesce(p.jobs_max, o.jobs_max) is not null as "isLimited", poll_seconds is not null as "isPolled"`
