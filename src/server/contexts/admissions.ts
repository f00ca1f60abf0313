// Which projects contexts for every project are for: the server relays what an owner signed, keeps a copy for its own decisions and
// shows what the vault says.
import { sql } from 'kysely'
import type { ProjectId } from '../../base/ids.ts'
import type * as api from '../../protocol/api/admissions.ts'
import type { Admissions as Told, VaultRequest } from '../../protocol/vault.ts'
import type { Actor, Scope } from '../access/actor.ts'
import { writeAudit } from '../access/audit.ts'
import type { Database } from '../db/database.ts'
import { inTransaction } from '../db/transaction.ts'
import type { NewId } from '../new-id.ts'
import { orProposed } from '../secrets/proposals.ts'
import { orDenied, signed } from '../secrets/statements.ts'
import type { Admissions } from '../use-cases.ts'
import type { VaultClient } from '../vault-client.ts'
import { copyAdmissions } from './admission-copy.ts'

type Deps = { readonly database: Database; readonly vault: VaultClient; readonly newId: NewId }

export const createAdmissions = (deps: Deps): Admissions => ({
  list: async (scope) =>
    shapeOf(deps, scope, await deps.vault.call('project.admissions', { org: scope.organisation })),
  set: async (actor, input) => {
    const request = { org: actor.scope.organisation, ...signed(input) }
    const proposed = { verb: 'project.admit' as const, request, about: { project: null, context: null } }
    return orProposed(deps, actor, proposed, () => changeAdmissions(deps, actor, request))
  },
})

export const changeAdmissions = async (
  deps: Deps,
  actor: Actor,
  request: VaultRequest<'project.admit'>,
): Promise<api.Admissions> => {
  const { db } = deps.database
  const { organisation } = actor.scope
  const act = { action: 'project.admit', target: organisation }
  const told = await orDenied(db, actor, act, () => deps.vault.call('project.admit', request))
  await inTransaction(db, async (tx) => {
    await copyAdmissions(tx, organisation, told)
    await writeAudit(tx, actor, { ...act, result: 'ok', facts: factsOf(request) })
  })
  return shapeOf(deps, actor.scope, told)
}

const factsOf = ({ statement: { type, body, iss: signer } }: VaultRequest<'project.admit'>) =>
  type === 'project.admit'
    ? {
        ...{ admitted: body.admit.map(({ project }) => project).join(' '), signer },
        withdrawn: body.withdraw.join(' '),
      }
    : { signer }

const shapeOf = async (
  { database: { db }, vault }: Deps,
  { organisation }: Scope,
  { projects, head }: Told,
): Promise<api.Admissions> => {
  const [{ rows }, { signers }] = await Promise.all([
    sql<{ id: ProjectId; name: string }>`
      select id, name from projects where organisation_id = ${organisation}`.execute(db),
    vault.call('signer.list', {}),
  ])
  const names = new Map(rows.map(({ id, name }) => [id, name]))
  const shown = projects.map(({ project, source, hostKeys, state, signer }) => ({
    // What the vault has and the tables have not is shown as well: above all that should be seen.
    ...{ project: { id: project, name: names.get(project) ?? project }, source, state },
    host_keys: [...hostKeys],
    signer: signer && { id: signer, name: signers.find((one) => one.signer === signer)?.name ?? signer },
  }))
  return { projects: shown.sort((a, b) => (a.project.name < b.project.name ? -1 : 1)), head }
}
