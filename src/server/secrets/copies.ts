// The server's copies of what the vault decided (contexts and their rules, which secrets there are, which projects are admitted) are
// written after it. A server that was killed in between, or tables from a backup whose vault is younger, know less: then a context could
// not be found, and a job of a local project was not asked what it is owed. Called at a start; what is known already stays as it is.
import { sql } from 'kysely'
import { isFault } from '../../base/faults.ts'
import { type OrganisationId, type ProjectId, parseId } from '../../base/ids.ts'
import type { SecretOwner } from '../../protocol/statement.ts'
import type { ContextMetadata, SecretMetadata } from '../../protocol/vault.ts'
import { refreshAdmissions } from '../contexts/admission-copy.ts'
import type { Db } from '../db/database.ts'
import type { VaultClient } from '../vault-client.ts'

type Deps = { readonly db: Db; readonly vault: VaultClient }

export const copyFromVault = async ({ db, vault }: Deps): Promise<void> => {
  const { rows } = await sql<{ org: OrganisationId; projects: ProjectId[] }>`
    select o.id as org, array(select p.id from projects p where p.organisation_id = o.id) as projects
    from organisations o`.execute(db)
  for (const { org, projects } of rows) {
    const { contexts } = await vault.call('context.list', { org })
    for (const context of contexts) await copyContext(db, org, context)
    const isKnown = await findKnown(db, org)
    const inUse = contexts.filter(({ state }) => state === 'active')
    // One after the other: jobs ask the vault meanwhile, too.
    for (const owner of [...inUse.map(({ context }) => context), ...projects]) {
      for (const secret of await secretsOf(vault, owner))
        if (!isKnown(secret)) await copySecret(db, { org, owner, secret })
    }
    await refreshAdmissions({ db, vault }, org)
  }
}

/** Nearly all are, and nothing is written for them. */
const findKnown = async (db: Db, org: OrganisationId): Promise<(secret: SecretMetadata) => boolean> => {
  const { rows } = await sql<{ id: string; version: number; state: string }>`
    select id, version, state from secrets where organisation_id = ${org}`.execute(db)
  const known = new Map(rows.map(({ id, version, state }) => [id, `${version} ${state}`]))
  return ({ secret, version, state }) => known.get(secret) === `${version} ${state}`
}

/** Of a project that the vault does not have: nothing. */
const secretsOf = async (vault: VaultClient, owner: SecretOwner): Promise<readonly SecretMetadata[]> => {
  try {
    return (await vault.call('secret.list', { owner })).secrets
  } catch (error) {
    if (isFault(error, 'E_NOT_FOUND')) return []
    throw error
  }
}

/** Who sent the statement nobody knows any more; who signed it the vault does. */
const copyContext = async (db: Db, org: OrganisationId, context: ContextMetadata): Promise<void> => {
  const { context: id, name, projects, refs, roles, version, state, signer } = context
  await sql`
    insert into contexts (id, organisation_id, name, projects, refs, roles, version, state, changed_by)
    values (${id}, ${org}, ${name}, ${projects === '*' ? null : projects}::text[], ${refs}::text[], ${roles}::text[],
      ${version}, ${state}, ${signer})
    on conflict (id) do update set projects = excluded.projects, refs = excluded.refs, roles = excluded.roles,
      version = excluded.version, state = excluded.state, changed_by = excluded.changed_by, changed_at = now()
    where contexts.version < excluded.version`.execute(db)
}

/** Of one version the row may have been written since: asking the vault once too often is the lesser evil. */
const copySecret = async (
  db: Db,
  {
    org,
    owner,
    secret,
  }: { readonly org: OrganisationId; readonly owner: SecretOwner; readonly secret: SecretMetadata },
): Promise<void> => {
  const [project, context] = [parseId('project', owner), parseId('context', owner)]
  await sql`
    insert into secrets (id, organisation_id, project_id, context_id, name, kind, version, state, changed_by)
    values (${secret.secret}, ${org}, ${project}, ${context}, ${secret.name}, ${secret.kind}, ${secret.version},
      ${secret.state}, ${secret.signer})
    on conflict (id) do update set kind = excluded.kind, version = excluded.version, state = excluded.state,
      changed_by = excluded.changed_by, changed_at = now(),
      put_by = case when secrets.version = excluded.version then secrets.put_by end
    where secrets.version < excluded.version
      or (secrets.version = excluded.version and secrets.state <> 'active' and excluded.state = 'active')`.execute(
    db,
  )
}
