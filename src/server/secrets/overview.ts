// The secrets of the whole organisation: for each project and context that has some, what the vault says of them. The queues of what
// somebody should look at are worth little when one has to visit every project for them.
import { sql } from 'kysely'
import type { ContextId, ProjectId } from '../../base/ids.ts'
import type { OwnedSecret } from '../../protocol/api/secrets.ts'
import type { ContextRules } from '../../protocol/contexts.ts'
import type { SecretMetadata } from '../../protocol/vault.ts'
import type { Actor, Scope } from '../access/actor.ts'
import { rulesOfRow } from '../contexts/find.ts'
import type { Db } from '../db/database.ts'
import type { VaultClient } from '../vault-client.ts'
import { maySeeDetails, namesOnly, secretsShape } from './shape.ts'

type Deps = {
  readonly database: { readonly db: Db }
  readonly vault: VaultClient
  readonly clock: { readonly now: () => number }
}
type Owner = {
  readonly owner: ProjectId | ContextId
  readonly project: string | null
  readonly context: string | null
  readonly rules: ContextRules | null
}

/** Questions to the vault at a time. */
const atOnce = 8

export const secretsOfAll = async (deps: Deps, actor: Actor): Promise<OwnedSecret[]> => {
  const { db } = deps.database
  const owners = await ownersIn(db, actor.scope)
  const { signers } = await deps.vault.call('signer.list', {})
  const nowSeconds = Math.floor(deps.clock.now() / 1000)
  const shape = (secrets: readonly SecretMetadata[], { rules }: Owner) =>
    maySeeDetails(actor) ? secretsShape(db, secrets, { signers, rules, nowSeconds }) : namesOnly(secrets)
  const all: OwnedSecret[] = []
  for (let at = 0; at < owners.length; at += atOnce) {
    const some = owners.slice(at, at + atOnce)
    const found = await Promise.all(
      some.map(async (one) => {
        const { secrets } = await deps.vault.call('secret.list', { owner: one.owner })
        const { project, context } = one
        return (await shape(secrets, one)).map((secret) => ({ ...secret, project, context }))
      }),
    )
    all.push(...found.flat())
  }
  return all
}

/** Contexts first, as they are for many. */
const ownersIn = async (db: Db, { organisation }: Scope): Promise<readonly Owner[]> => {
  const { rows } = await sql<Owner>`
    select c.id as owner, null as project, c.name as context, ${rulesOfRow} as rules
    from contexts c
    where c.organisation_id = ${organisation} and c.state = 'active'
      and exists (select from secrets s where s.context_id = c.id)
    union all
    select p.id, p.name, null, null from projects p
    where p.organisation_id = ${organisation} and exists (select from secrets s where s.project_id = p.id)
    order by 3 nulls last, 2`.execute(db)
  return rows
}
