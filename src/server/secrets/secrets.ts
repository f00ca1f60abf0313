// Secrets of projects and whose word counts for them. The server relays: what it is sent is sealed and signed by people,
// what it keeps are names and versions. The vault changes first, then the row and the record of who asked.
import { sql } from 'kysely'
import { type Fault, fault, isFault } from '../../base/faults.ts'
import type { ProjectId } from '../../base/ids.ts'
import { parseShape, type Shape } from '../../base/shape.ts'
import type { Secret, SecretPut } from '../../protocol/api/secrets.ts'
import { sealedSecret, signerKey, statement, statementProof } from '../../protocol/statement.ts'
import type { SecretMetadata } from '../../protocol/vault.ts'
import { type Actor, actorId, type Scope } from '../access/actor.ts'
import { writeAudit } from '../access/audit.ts'
import { projectInScope } from '../access/in-scope.ts'
import type { Database } from '../db/database.ts'
import { inTransaction } from '../db/transaction.ts'
import type { Secrets } from '../use-cases.ts'
import type { VaultClient } from '../vault-client.ts'
import { maySeeDetails, secretsShape, time } from './shape.ts'

type Deps = { readonly database: Database; readonly vault: VaultClient }

export const createSecrets = (deps: Deps): Secrets => ({
  key: async () => {
    const [key, { vsign }] = await Promise.all([
      deps.vault.call('ingest.key', {}),
      deps.vault.call('health', {}),
    ])
    return { ...key, vsign }
  },
  list: async (actor, project) => {
    const id = await findProjectId(deps, actor.scope, project)
    const { secrets } = await deps.vault.call('secret.list', { project: id })
    return { items: await shape(deps, actor, secrets), next_cursor: null }
  },
  find: async (actor, project, name) => {
    const id = await findProjectId(deps, actor.scope, project)
    const { secrets } = await deps.vault.call('secret.list', { project: id })
    const found = secrets.filter((secret) => secret.name === name)
    return (await shape(deps, actor, found))[0] ?? null
  },
  put: (actor, project, input) => put(deps, actor, project, input),
  revoke: async (actor, project, name, input) => {
    const id = await findProjectId(deps, actor.scope, project)
    const request = { project: id, name, ...signed(input) }
    const act = { action: 'secret.revoke', target: id, project: id }
    return changed(deps, actor, { project: id, act, call: () => deps.vault.call('secret.revoke', request) })
  },
  signers: async () => {
    const { signers } = await deps.vault.call('signer.list', {})
    const items = signers.map(({ signer: id, kind, name, credential, addedAt, state }) => ({
      ...{ id, kind, name, credential, added_at: time(addedAt), state },
    }))
    return { items, next_cursor: null }
  },
  enroll: async (actor, input) => {
    const request = { key: shaped(signerKey, input.key), mac: input.mac }
    const act = { action: 'signer.enroll', target: '-' }
    const { signer, vsign, mac } = await recorded(deps, actor, act, () =>
      deps.vault.call('signer.enroll', request),
    )
    return { id: signer, vsign, mac }
  },
  removeSigner: async (actor, signer, input) => {
    const request = signed(input)
    if (request.statement.sub !== signer)
      throw fault('E_INPUT', { public: 'The statement is about something else' })
    const act = { action: 'signer.remove', target: signer }
    await recorded(deps, actor, act, () => deps.vault.call('signer.remove', request))
  },
})

type Act = { readonly action: string; readonly target: string; readonly project?: ProjectId }

const put = async (deps: Deps, actor: Actor, project: string, input: SecretPut): Promise<Secret> => {
  const id = await findProjectId(deps, actor.scope, project)
  const { statement, proof } = signed(input)
  // The name stands in what was signed; whether that is about this project the vault checks.
  const name = statement.sub.slice(statement.sub.lastIndexOf('/') + 1)
  const request = { project: id, name, statement, proof, sealed: shaped(sealedSecret, input.sealed) }
  const act = { action: 'secret.put', target: id, project: id }
  return changed(deps, actor, { project: id, act, call: () => deps.vault.call('secret.put', request) })
}

const changed = async (
  deps: Deps,
  actor: Actor,
  change: { readonly project: ProjectId; readonly act: Act; readonly call: () => Promise<SecretMetadata> },
): Promise<Secret> => {
  const secret = await orDenied(deps, actor, change.act, change.call)
  await inTransaction(deps.database.db, async (tx) => {
    await sql`
      insert into secrets (id, organisation_id, project_id, name, kind, version, state, changed_by)
      values (${secret.secret}, ${actor.scope.organisation}, ${change.project}, ${secret.name}, ${secret.kind},
        ${secret.version}, ${secret.state}, ${actorId(actor)})
      on conflict (id) do update set kind = excluded.kind, version = excluded.version, state = excluded.state,
        changed_by = excluded.changed_by, changed_at = now()
      where secrets.version <= excluded.version`.execute(tx)
    const facts = { version: secret.version, signer: secret.signer }
    await writeAudit(tx, actor, { ...change.act, target: secret.secret, result: 'ok', facts })
  })
  const [shown] = await shape(deps, actor, [secret])
  if (shown === undefined) throw new Error('one secret has one shape')
  return shown
}

const recorded = async <T>(deps: Deps, actor: Actor, act: Act, call: () => Promise<T>): Promise<T> => {
  const answer = await orDenied(deps, actor, act, call)
  await writeAudit(deps.database.db, actor, { ...act, result: 'ok' })
  return answer
}

/** What the vault refuses for the sake of a signature is worth a line. */
const orDenied = async <T>(
  { database }: Deps,
  actor: Actor,
  act: Act,
  call: () => Promise<T>,
): Promise<T> => {
  try {
    return await call()
  } catch (error) {
    if (isDenied(error))
      await writeAudit(database.db, actor, { ...act, result: 'denied', code: error.row.number })
    throw error
  }
}

const isDenied = (error: unknown): error is Fault => isFault(error) && error.row.status === 403

const shape = async (
  { database, vault }: Deps,
  actor: Actor,
  secrets: readonly SecretMetadata[],
): Promise<Secret[]> => {
  const { signers } = await vault.call('signer.list', {})
  return secretsShape(database.db, secrets, { signers, hasDetails: maySeeDetails(actor) })
}

const signed = (input: { readonly statement: unknown; readonly proof: unknown }) => ({
  statement: shaped(statement, input.statement),
  proof: shaped(statementProof, input.proof),
})

/** The vault would say the same; here it costs nothing. */
const shaped = <T>(form: Shape<T>, value: unknown): T => {
  const parsed = parseShape(form, value)
  if (!parsed.ok) throw fault('E_INPUT', { public: parsed.problems.map(({ message }) => message).join('; ') })
  return parsed.value
}

const findProjectId = async ({ database }: Deps, scope: Scope, project: string): Promise<ProjectId> => {
  const { rows } = await sql<{ id: ProjectId }>`
    select id from projects where ${projectInScope(scope)} and (id = ${project} or name = ${project})
    limit 1`.execute(database.db)
  const [row] = rows
  if (row === undefined) throw fault('E_NOT_FOUND', { public: 'No such project' })
  return row.id
}
