// Contexts for people: the server relays what an owner signed, keeps a copy of the rules for its own decisions (of-jobs.ts)
// and writes down who asked. What it shows is what the vault says.
import { sql } from 'kysely'
import { fault } from '../../base/faults.ts'
import { type ProjectId, parseId } from '../../base/ids.ts'
import type { Context } from '../../protocol/api/contexts.ts'
import type { ContextMetadata, VaultRequest } from '../../protocol/vault.ts'
import { type Actor, actorId, type Scope } from '../access/actor.ts'
import { writeAudit } from '../access/audit.ts'
import type { Database } from '../db/database.ts'
import { inTransaction } from '../db/transaction.ts'
import type { NewId } from '../new-id.ts'
import { orProposed } from '../secrets/proposals.ts'
import { time } from '../secrets/shape.ts'
import { orDenied, signed } from '../secrets/statements.ts'
import type { Contexts } from '../use-cases.ts'
import type { VaultClient } from '../vault-client.ts'

type Deps = { readonly database: Database; readonly vault: VaultClient; readonly newId: NewId }

export const createContexts = (deps: Deps): Contexts => ({
  list: async (scope) => {
    const { contexts } = await deps.vault.call('context.list', { org: scope.organisation })
    return { items: await shapes(deps, scope, contexts), next_cursor: null }
  },
  find: async (scope, name) => (await find(deps, scope, name)) ?? absent(),
  create: async (actor, input) => {
    const { name } = input.statement.body
    if ((await find(deps, actor.scope, name))?.state === 'active')
      throw fault('E_CONFLICT', { public: `There is a context named ${name} already` })
    return put(deps, actor, input)
  },
  set: async (actor, name, input, expect) => {
    const before = await findActive(deps, actor.scope, name, input.statement)
    expect?.(before)
    return put(deps, actor, input)
  },
  remove: async (actor, name, input) => {
    const { id } = await findActive(deps, actor.scope, name, input.statement)
    const request = { context: parseId('context', id) ?? absent(), ...signed(input) }
    return changeContext(deps, actor, { verb: 'context.delete', request })
  },
})

const absent = (): never => {
  throw fault('E_NOT_FOUND', { public: 'No such context' })
}

/** Also one that is deleted. */
const find = async (deps: Deps, scope: Scope, name: string): Promise<Context | null> => {
  const { contexts } = await deps.vault.call('context.list', { org: scope.organisation })
  const found = contexts.find((context) => context.context === name || context.name === name)
  return found === undefined ? null : shapeOf(deps, scope, found)
}

/** The one that a statement is about. */
const findActive = async (
  deps: Deps,
  scope: Scope,
  name: string,
  { sub }: { readonly sub: string },
): Promise<Context> => {
  const found = await find(deps, scope, name)
  if (found?.state !== 'active') return absent()
  if (found.id !== sub) throw fault('E_INPUT', { public: 'The statement is about something else' })
  return found
}

const put: (deps: Deps, ...rest: Parameters<Contexts['create']>) => Promise<Context> = async (
  deps,
  actor,
  input,
) => {
  const { organisation: org } = actor.scope
  const request = { org, ...signed(input) }
  const { projects } = input.statement.body
  if (projects !== '*') await requireProjects(deps, actor.scope, projects)
  const proposed = { verb: 'context.put' as const, request }
  const about = { project: null, context: parseId('context', request.statement.sub) }
  return orProposed(deps, actor, { ...proposed, about }, () => changeContext(deps, actor, proposed))
}

/** A mistaken id would let nobody in, and nobody would see why. */
const requireProjects = async (
  { database: { db } }: Deps,
  { organisation }: Scope,
  projects: readonly string[],
): Promise<void> => {
  const { rows } = await sql<{ id: string }>`
    select id from projects where organisation_id = ${organisation} and id = any(${projects}::text[])`.execute(
    db,
  )
  if (rows.length < new Set(projects).size) throw fault('E_NOT_FOUND', { public: 'No such project' })
}

type ContextVerb = 'context.put' | 'context.delete'
type ContextChange = {
  readonly [V in ContextVerb]: { readonly verb: V; readonly request: VaultRequest<V> }
}[ContextVerb]

export const changeContext = async (
  deps: Deps,
  actor: Actor,
  { verb: action, request }: ContextChange,
): Promise<Context> => {
  const { db } = deps.database
  const context = await orDenied(db, actor, { action, target: '-' }, () => deps.vault.call(action, request))
  const { context: id, name, projects, refs, roles, version, state, signer } = context
  await inTransaction(db, async (tx) => {
    await sql`
      insert into contexts (id, organisation_id, name, projects, refs, roles, version, state, changed_by)
      values (${id}, ${actor.scope.organisation}, ${name}, ${projects === '*' ? null : projects}::text[], ${refs}::text[],
        ${roles}::text[], ${version}, ${state}, ${actorId(actor)})
      on conflict (id) do update set projects = excluded.projects, refs = excluded.refs, roles = excluded.roles,
        version = excluded.version, state = excluded.state, changed_by = excluded.changed_by, changed_at = now()
      where contexts.version <= excluded.version`.execute(tx)
    if (state === 'deleted')
      await sql`update secrets set state = 'revoked' where context_id = ${id}`.execute(tx)
    await writeAudit(tx, actor, { action, target: id, result: 'ok', facts: { version, signer } })
  })
  return shapeOf(deps, actor.scope, context)
}

const shapeOf = async (deps: Deps, scope: Scope, context: ContextMetadata): Promise<Context> => {
  const [shown] = await shapes(deps, scope, [context])
  if (shown === undefined) throw new Error('one context has one shape')
  return shown
}

const shapes = async (
  { database: { db }, vault }: Deps,
  { organisation }: Scope,
  contexts: readonly ContextMetadata[],
): Promise<Context[]> => {
  const ids = contexts.flatMap(({ projects }) => (projects === '*' ? [] : projects))
  const [{ rows }, { signers }] = await Promise.all([
    sql<{ id: ProjectId; name: string }>`
      select id, name from projects where organisation_id = ${organisation} and id = any(${ids}::text[])`.execute(
      db,
    ),
    vault.call('signer.list', {}),
  ])
  const names = new Map(rows.map(({ id, name }) => [id, name]))
  return contexts.map(
    ({ context: id, name, state, projects, refs, roles, createdAt, changedAt, signer, head }) => ({
      ...{ id, name, state, refs: [...refs], roles: roles && [...roles], head },
      // Of a project that is no more the id alone is left.
      projects:
        projects === '*'
          ? null
          : projects.map((project) => ({ id: project, name: names.get(project) ?? project })),
      ...{ created_at: time(createdAt), changed_at: time(changedAt) },
      signer: { id: signer, name: signers.find((one) => one.signer === signer)?.name ?? signer },
    }),
  )
}
