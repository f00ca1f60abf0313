// Secrets of projects and contexts, and whose word counts for them. The server relays: what it is sent is sealed and signed by people,
// what it keeps are names and versions. The vault changes first, then the row and the record of who asked.
import { sql } from 'kysely'
import type { Clock } from '../../base/clock.ts'
import { fault } from '../../base/faults.ts'
import type { ContextId, ProjectId } from '../../base/ids.ts'
import type { Secret, SecretPut } from '../../protocol/api/secrets.ts'
import { type SecretOwner, sealedSecret, signerKey } from '../../protocol/statement.ts'
import type { SecretMetadata, VaultRequest } from '../../protocol/vault.ts'
import { type Actor, actorId, type Scope } from '../access/actor.ts'
import { writeAudit } from '../access/audit.ts'
import { findContextId, namedRules } from '../contexts/find.ts'
import type { Database } from '../db/database.ts'
import { inTransaction } from '../db/transaction.ts'
import type { NewId } from '../new-id.ts'
import { getProjectId } from '../projects/find-id.ts'
import type { Secrets, SecretsOf } from '../use-cases.ts'
import type { VaultClient } from '../vault-client.ts'
import { secretsOfAll } from './overview.ts'
import { orProposed } from './proposals.ts'
import { reachOf } from './reach.ts'
import { maySeeDetails, namesOnly, secretsShape, time } from './shape.ts'
import { listSignatures } from './signatures.ts'
import { signerActs } from './signer-acts.ts'
import { type Act, orDenied, shaped, signed } from './statements.ts'

export type Deps = {
  readonly database: Database
  readonly vault: VaultClient
  readonly newId: NewId
  readonly clock: Pick<Clock, 'now'>
}

export const createSecrets = (deps: Deps): Secrets => ({
  key: async () => {
    const [key, { vsign }] = await Promise.all([
      deps.vault.call('ingest.key', {}),
      deps.vault.call('health', {}),
    ])
    return { ...key, vsign }
  },
  list: async (actor, of, view) => {
    // Which queues one stands in says where it may go, and since when.
    if (view !== undefined && !maySeeDetails(actor)) throw fault('E_FORBIDDEN')
    const found = await findOwner(deps, actor.scope, of)
    const { secrets } = await deps.vault.call('secret.list', { owner: found.owner })
    const items = await shape(deps, actor, found, secrets)
    const shown = view === undefined ? items : items.filter(({ detail }) => detail?.views.includes(view))
    return { items: shown, next_cursor: null }
  },
  all: async (actor, view) => {
    if (view !== undefined && !maySeeDetails(actor)) throw fault('E_FORBIDDEN')
    const items = await secretsOfAll(deps, actor)
    const shown = view === undefined ? items : items.filter(({ detail }) => detail?.views.includes(view))
    return { items: shown, next_cursor: null }
  },
  find: async (actor, of, name) => {
    const found = await findOwner(deps, actor.scope, of)
    const { secrets } = await deps.vault.call('secret.list', { owner: found.owner })
    const named = secrets.filter((secret) => secret.name === name)
    return (await shape(deps, actor, found, named))[0] ?? null
  },
  reach: async (actor, of, name) => {
    const found = await findOwner(deps, actor.scope, of)
    const { secrets } = await deps.vault.call('secret.list', { owner: found.owner })
    const secret = secrets.find((one) => one.name === name)
    if (secret === undefined) throw fault('E_NOT_FOUND', { public: 'There is no such secret' })
    const context = found.context === null ? null : await namedRules(deps.database.db, found.context)
    return reachOf(deps, actor.scope, { secret, project: found.project, context })
  },
  set: async (actor, of, name, input) => {
    const found = await findOwner(deps, actor.scope, of)
    const proposed = { verb: 'secret.set' as const, request: { owner: found.owner, name, ...signed(input) } }
    return orProposed(deps, actor, { ...proposed, about: found }, () =>
      changeSecret(deps, actor, { ...found, ...proposed }),
    )
  },
  put: (actor, of, input) => put(deps, actor, of, input),
  revoke: async (actor, of, name, input) => {
    const found = await findOwner(deps, actor.scope, of)
    const request = { owner: found.owner, name, ...signed(input) }
    return changeSecret(deps, actor, { ...found, verb: 'secret.revoke', request })
  },
  signatures: async (actor, of, name, query) => {
    const { owner } = await findOwner(deps, actor.scope, of)
    return listSignatures(deps.database.db, actor.scope, { owner, name }, query)
  },
  signers: async (scope) => {
    const { signers } = await deps.vault.call('signer.list', {})
    const acts = await signerActs(deps.database.db, scope)
    const items = signers.map(({ signer: id, kind, name, person, credential, addedAt, state, head }) => ({
      ...{ id, kind, name, person, credential, added_at: time(addedAt), state, head },
      added_by: acts.get(id)?.added_by ?? null,
      removed: acts.get(id)?.removed ?? null,
    }))
    return { items, next_cursor: null }
  },
  enroll: async (actor, input) => {
    const request = { key: shaped(signerKey, input.key), mac: input.mac }
    const act = { action: 'signer.enroll', target: '-' }
    const { signer, vsign, mac } = await orDenied(deps.database.db, actor, act, () =>
      deps.vault.call('signer.enroll', request),
    )
    await writeAudit(deps.database.db, actor, { ...act, target: signer, result: 'ok' })
    return { id: signer, vsign, mac }
  },
  removeSigner: async (actor, signer, input) => {
    const request = signed(input)
    if (request.statement.sub !== signer)
      throw fault('E_INPUT', { public: 'The statement is about something else' })
    const act = { action: 'signer.remove', target: signer }
    await orDenied(deps.database.db, actor, act, () => deps.vault.call('signer.remove', request))
    await writeAudit(deps.database.db, actor, { ...act, result: 'ok' })
  },
})

type Owner = {
  readonly owner: SecretOwner
  readonly project: ProjectId | null
  readonly context: ContextId | null
}

const actOf = (action: string, { owner, project }: Owner): Act => ({
  ...{ action, target: owner },
  ...(project === null ? {} : { project }),
})

const put = async (deps: Deps, actor: Actor, of: SecretsOf, input: SecretPut): Promise<Secret> => {
  const found = await findOwner(deps, actor.scope, of)
  const { statement, proof } = signed(input)
  // The name stands in what was signed; whether that is about this owner the vault checks.
  const name = statement.sub.slice(statement.sub.lastIndexOf('/') + 1)
  const request = { owner: found.owner, name, statement, proof, sealed: shaped(sealedSecret, input.sealed) }
  const proposed = { verb: 'secret.put' as const, request }
  return orProposed(deps, actor, { ...proposed, about: found }, () =>
    changeSecret(deps, actor, { ...found, ...proposed }),
  )
}

type SecretVerb = 'secret.put' | 'secret.set' | 'secret.revoke'
type SecretChange = {
  readonly [V in SecretVerb]: { readonly verb: V; readonly request: VaultRequest<V> }
}[SecretVerb]

/** `by`: whose value it is, if it waited for the one who sends it now. */
export const changeSecret = async (
  deps: Deps,
  actor: Actor,
  change: Owner & SecretChange & { readonly by?: string },
): Promise<Secret> => {
  const { project, context, verb, request, by = actorId(actor) } = change
  const act = actOf(verb, change)
  const secret = await orDenied(deps.database.db, actor, act, () => deps.vault.call(verb, request))
  await inTransaction(deps.database.db, async (tx) => {
    await sql`
      insert into secrets (id, organisation_id, project_id, context_id, name, kind, version, state, changed_by,
        created_by, put_by)
      values (${secret.secret}, ${actor.scope.organisation}, ${project}, ${context}, ${secret.name}, ${secret.kind},
        ${secret.version}, ${secret.state}, ${actorId(actor)}, ${by}, ${by})
      on conflict (id) do update set kind = excluded.kind, version = excluded.version, state = excluded.state,
        changed_by = excluded.changed_by, changed_at = now(),
        put_by = case when ${verb === 'secret.put'}::boolean then excluded.put_by else secrets.put_by end
      where secrets.version <= excluded.version`.execute(tx)
    const facts = { version: secret.version, signer: secret.signer, ...(context === null ? {} : { context }) }
    await writeAudit(tx, actor, { ...act, target: secret.secret, result: 'ok', facts })
  })
  const [shown] = await shape(deps, actor, change, [secret])
  if (shown === undefined) throw new Error('one secret has one shape')
  return shown
}

const shape = async (
  { database, vault, clock }: Deps,
  actor: Actor,
  { context }: Pick<Owner, 'context'>,
  secrets: readonly SecretMetadata[],
): Promise<Secret[]> => {
  if (!maySeeDetails(actor)) return namesOnly(secrets)
  const { signers } = await vault.call('signer.list', {})
  const rules = context === null ? null : (await namedRules(database.db, context)).rules
  const nowSeconds = Math.floor(clock.now() / 1000)
  return secretsShape(database.db, secrets, { signers, rules, nowSeconds })
}

const findOwner = async ({ database: { db } }: Deps, scope: Scope, of: SecretsOf): Promise<Owner> => {
  if ('context' in of) {
    const context = await findContextId(db, scope, of.context)
    return { owner: context, project: null, context }
  }
  const project = await getProjectId(db, scope, of.project)
  return { owner: project, project, context: null }
}
