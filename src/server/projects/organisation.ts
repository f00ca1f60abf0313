// What holds for all projects of an organisation.
import { type QueryExecutorProvider, sql } from 'kysely'
import { fault } from '../../base/faults.ts'
import type { Organisation, OrganisationInput } from '../../protocol/api/shapes.ts'
import type { Actor, Scope } from '../access/actor.ts'
import { writeAudit } from '../access/audit.ts'
import type { Db } from '../db/database.ts'
import { inTransaction } from '../db/transaction.ts'
import { holdQueued } from '../runs/admission.ts'

export const readOrganisation = async (
  db: QueryExecutorProvider,
  { organisation }: Scope,
): Promise<Organisation> => {
  const { rows } = await sql<{ id: string; name: string; jobsMax: number | null }>`
    select id, name, jobs_max as "jobsMax" from organisations where id = ${organisation}`.execute(db)
  if (rows[0] === undefined) throw fault('E_NOT_FOUND')
  const { id, name, jobsMax } = rows[0]
  return { id, name, settings: { jobs_max: jobsMax } }
}

/** What is left out stays. */
export const setOrganisation = async (
  db: Db,
  actor: Actor,
  {
    changes,
    expect,
  }: { readonly changes: OrganisationInput; readonly expect: ((current: Organisation) => void) | undefined },
): Promise<Organisation> => {
  const { organisation } = actor.scope
  const { jobs_max: jobsMax } = changes
  if (jobsMax !== undefined)
    await inTransaction(db, async (tx) => {
      await sql`select 1 from organisations where id = ${organisation} for update`.execute(tx)
      expect?.(await readOrganisation(tx, actor.scope))
      await sql`update organisations set jobs_max = ${jobsMax} where id = ${organisation}`.execute(tx)
      await holdQueued(tx, organisation)
      const facts = { jobs_max: jobsMax }
      await writeAudit(tx, actor, { action: 'organisation.set', target: organisation, result: 'ok', facts })
    })
  return readOrganisation(db, actor.scope)
}
