// A project that is removed. The vault ends its keys first: from then on nobody reads its logs and files, whoever has them. Its row
// then belongs to no organisation, and with that to no list, hook, schedule or page. What it had goes afterwards in parts, its row
// last: a project may have more runs than one statement can take away (decision 0095).
import { sql } from 'kysely'
import { fault, isFault } from '../../base/faults.ts'
import type { ObjectId, ProjectId, RunId } from '../../base/ids.ts'
import { plural } from '../../base/plural.ts'
import type { Actor } from '../access/actor.ts'
import { writeAudit } from '../access/audit.ts'
import type { Database, Db } from '../db/database.ts'
import { inTransaction } from '../db/transaction.ts'
import { limits } from '../limits.ts'
import type { ObjectStore } from '../objects/store.ts'
import { storedObjectKey } from '../stored/object-key.ts'
import type { VaultClient } from '../vault-client.ts'
import { getProjectId } from './find-id.ts'
import { setPolling } from './polling.ts'

type Deps = { readonly database: Database; readonly vault: Pick<VaultClient, 'call'> }

/** Refused while it has runs that are not over, or secrets that nobody revoked. Whoever asks again ends what was broken off. */
export const removeProject = async (
  { database, vault }: Deps,
  actor: Actor,
  named: string,
): Promise<void> => {
  const { db } = database
  const id = await getProjectId(db, actor.scope, named)
  await requireNoneUnderWay(db, id)
  await endInVault(vault, id)
  await inTransaction(db, async (tx) => {
    // No hook is called like a project.
    const { rows } = await sql`
      update projects set organisation_id = null, removed_at = now(), hook_id = id
      where id = ${id} and removed_at is null returning 1`.execute(tx)
    if (rows.length === 0) return
    await setPolling(tx, id, null)
    await sql`delete from schedules where project_id = ${id}`.execute(tx)
    await sql`delete from webhooks where project_id = ${id}`.execute(tx)
    await sql`delete from secrets where project_id = ${id}`.execute(tx)
    await sql`
      update proposals set state = 'expired', request = null where project_id = ${id} and state = 'waiting'`.execute(
      tx,
    )
    await writeAudit(tx, actor, { action: 'project.remove', target: id, project: id, result: 'ok' })
  })
}

const requireNoneUnderWay = async (db: Db, id: ProjectId): Promise<void> => {
  const { rows } = await sql<{ runs: number }>`
    select count(*)::integer as runs from runs where project_id = ${id} and finished_at is null`.execute(db)
  const runs = rows[0]?.runs ?? 0
  if (runs > 0)
    throw fault('E_CONFLICT', {
      public: `${plural(runs, 'run')} of this project ${runs === 1 ? 'is' : 'are'} not over: cancel ${runs === 1 ? 'it' : 'them'} first`,
    })
}

/** One that it does not know was ended by somebody who did not come as far as the row. */
const endInVault = async (vault: Deps['vault'], project: ProjectId): Promise<void> => {
  try {
    await vault.call('project.delete', { project })
  } catch (error) {
    if (!isFault(error, 'E_NOT_FOUND')) throw error
  }
}

/** What is left of projects that were removed, the oldest first. True when nothing is. */
export const removeRest = async (
  { db, objects }: { readonly db: Db; readonly objects: ObjectStore },
  { partsMax }: { readonly partsMax: number },
): Promise<boolean> => {
  for (let part = 0; part < partsMax; part++) {
    const { rows } = await sql<{ id: ProjectId }>`
      select id from projects where removed_at is not null order by removed_at, id limit 1`.execute(db)
    const id = rows[0]?.id
    if (id === undefined) return true
    if (await removeRuns({ db, objects }, id)) continue
    if (await removeDeliveries(db, id)) continue
    await removeLooks({ db, objects }, id)
    await sql`delete from projects where id = ${id} and removed_at is not null`.execute(db)
  }
  return false
}

const { removedParts } = limits

type Left = {
  readonly logs: readonly string[]
  readonly objects: readonly ObjectId[]
  readonly batches: readonly string[]
}

/** True when there were any. Rows go first: an object without a row is nothing. */
const removeRuns = async (
  { db, objects }: { readonly db: Db; readonly objects: ObjectStore },
  project: ProjectId,
): Promise<boolean> => {
  const { rows } = await sql<{ id: RunId }>`
    select id from (
      select r.id, row_number() over (order by r.id) as nth, sum((select count(*) from jobs j where j.run_id = r.id)) over (order by r.id) as jobs
      from (select id from runs where project_id = ${project} order by id limit ${removedParts.jobs}) r) first
    where jobs <= ${removedParts.jobs} or nth = 1`.execute(db)
  if (rows.length === 0) return false
  const runs = rows.map(({ id }) => id)
  const left = await leftBy(db, sql`a.run_id = any(${runs}::text[])`)
  await sql`delete from runs where id = any(${runs}::text[])`.execute(db)
  await removeLeft({ db, objects }, left)
  return true
}

const removeDeliveries = async (db: Db, project: ProjectId): Promise<boolean> => {
  const { rows } = await sql`
    delete from deliveries where id = any(array(
      select id from deliveries where project_id = ${project} order by id desc limit ${removedParts.deliveries}))
    returning 1`.execute(db)
  return rows.length > 0
}

/** At its source host, which belong to no run. */
const removeLooks = async (
  { db, objects }: { readonly db: Db; readonly objects: ObjectStore },
  project: ProjectId,
): Promise<void> => {
  const left = await leftBy(db, sql`a.project_id = ${project}`)
  await sql`delete from jobs where project_id = ${project}`.execute(db)
  await removeLeft({ db, objects }, left)
}

/** What lies elsewhere than in rows that go with their attempts `a`. */
const leftBy = async (db: Db, where: ReturnType<typeof sql>): Promise<Left> => {
  const { rows } = await sql<Left>`
    with attempts_of as (select a.id from attempts a where ${where})
    select
      array(select o.object_key from log_objects o join attempts_of a on a.id = o.attempt_id where o.object_key is not null) as logs,
      array(select o.id from stored_objects o join attempts_of a on a.id = o.attempt_id) as objects,
      array(select distinct f.batch_id::text from log_frames f join attempts_of a on a.id = f.attempt_id) as batches`.execute(
    db,
  )
  return rows[0] ?? { logs: [], objects: [], batches: [] }
}

const removeLeft = async (
  { db, objects }: { readonly db: Db; readonly objects: ObjectStore },
  left: Left,
): Promise<void> => {
  await sql`
    delete from log_batches b where b.id = any(${left.batches}::bigint[])
      and not exists (select 1 from log_frames f where f.batch_id = b.id)`.execute(db)
  for (const key of left.logs) await objects.delete(key)
  for (const id of left.objects) await objects.delete(storedObjectKey(id))
}
