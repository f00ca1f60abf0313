// Projects: where code comes from, its deploy key and its hook. The keys live in the vault; here are names and public
// halves. What changes both is written to the vault first, so that a row never promises what the vault does not have.
import { isDeepStrictEqual } from 'node:util'
import { sql } from 'kysely'
import { fault } from '../../base/faults.ts'
import type { AttemptId, ProjectId } from '../../base/ids.ts'
import type { Log } from '../../base/log.ts'
import type {
  Project,
  ProjectCreated,
  ProjectInput,
  ProjectSettingsInput,
} from '../../protocol/api/shapes.ts'
import { type Actor, actorId, type Scope } from '../access/actor.ts'
import { writeAudit } from '../access/audit.ts'
import { refreshAdmissions } from '../contexts/admission-copy.ts'
import { mayBeCommitted } from '../db/away.ts'
import type { Database } from '../db/database.ts'
import { inTransaction, sqlState, type Tx } from '../db/transaction.ts'
import { queueRefs } from '../intake/refs-attempt.ts'
import { limits } from '../limits.ts'
import type { NewId } from '../new-id.ts'
import { unlessObjectsStay } from '../objects/stay.ts'
import type { ObjectStore } from '../objects/store.ts'
import { holdQueued } from '../runs/admission.ts'
import { fullRef } from '../runs/git-names.ts'
import type { Page, Paging, Projects } from '../use-cases.ts'
import type { VaultClient } from '../vault-client.ts'
import { hookScript } from './hook-script.ts'
import { readOrganisation, setOrganisation } from './organisation.ts'
import { findParameters } from './parameters.ts'
import { setPolling } from './polling.ts'
import { hookUrl, type ProjectRow, projectsOf, selectProjects, settingsOf } from './read.ts'
import { removeProject, removeRest } from './remove.ts'
import { parseSource } from './source-address.ts'

export type ProjectsDeps = {
  readonly database: Database
  readonly vault: VaultClient
  readonly objects: ObjectStore
  readonly log: Log
  readonly newId: NewId
  /** Directories whose repositories may be projects (`--local-repos`), in the operator's order. */
  readonly localRepositoryRoots: readonly string[]
  readonly serverUrl: () => string
}

export const createProjects = (deps: ProjectsDeps): Projects => ({
  list: (scope, query) => list(deps, scope, query),
  find: (scope, project) => find(deps, scope, project),
  create: (actor, input) => create(deps, actor, input),
  set: (actor, project, changes, expect) => set(deps, actor, project, { changes, expect }),
  remove: (actor, project) => remove(deps, actor, project),
  parameters: (scope, asked) => findParameters(deps.database.db, scope, asked),
  organisation: (scope) => readOrganisation(deps.database.db, scope),
  setOrganisation: (actor, changes, expect) => setOrganisation(deps.database.db, actor, { changes, expect }),
  hookScript: async (scope, project) => {
    const { hook } = await getRow(deps, scope, project)
    return { script: hookScript(hookUrl(deps.serverUrl(), hook)) }
  },
  rotateHook: (actor, project, eph) => rotateHook(deps, actor, project, eph),
  contact: (actor, project) => contact(deps, actor, project),
  confirmHostKey: (actor, project, fingerprint) => confirmHostKey(deps, actor, project, fingerprint),
})

const list = async (deps: ProjectsDeps, scope: Scope, query: Paging): Promise<Page<Project>> => {
  const { db } = deps.database
  const where = query.cursor === undefined ? sql`true` : sql`p.name > ${query.cursor}`
  const rows = await selectProjects(db, scope, { where, limit: query.limit + 1 })
  const page = rows.slice(0, query.limit)
  const next = rows.length > page.length ? (page.at(-1)?.name ?? null) : null
  return { items: await shape(deps, scope, page), next_cursor: next }
}

const find = async (deps: ProjectsDeps, scope: Scope, project: string): Promise<Project | null> => {
  const row = await findRow(deps, scope, project)
  return row === null ? null : ((await shape(deps, scope, [row]))[0] ?? null)
}

const shape = ({ database, serverUrl }: ProjectsDeps, scope: Scope, rows: readonly ProjectRow[]) =>
  projectsOf(database.db, { scope, serverUrl: serverUrl() }, rows)

const findRow = async (
  { database }: ProjectsDeps,
  scope: Scope,
  project: string,
): Promise<ProjectRow | null> => {
  const where = sql`(p.id = ${project} or p.name = ${project})`
  return (await selectProjects(database.db, scope, { where, limit: 1 }))[0] ?? null
}

const getRow = async (deps: ProjectsDeps, scope: Scope, project: string): Promise<ProjectRow> => {
  const row = await findRow(deps, scope, project)
  if (row === null) throw fault('E_NOT_FOUND', { public: 'No such project' })
  return row
}

const getProject = async (deps: ProjectsDeps, scope: Scope, project: string): Promise<Project> => {
  const found = await find(deps, scope, project)
  if (found === null) throw fault('E_NOT_FOUND', { public: 'No such project' })
  return found
}

const create = async (deps: ProjectsDeps, actor: Actor, input: ProjectInput): Promise<ProjectCreated> => {
  const { organisation } = actor.scope
  const source = await parseSource(input.source, deps.localRepositoryRoots)
  const branch = branchOf(input.default_branch ?? 'main')
  if ((await findRow(deps, actor.scope, input.name)) !== null) throw nameTaken(input.name)
  const id = deps.newId('project')
  const made = await deps.vault.call('project.create', {
    project: id,
    org: organisation,
    source,
    defaultRef: `refs/heads/${branch}`,
    eph: input.eph,
  })
  try {
    await inTransaction(deps.database.db, async (tx) => {
      await tx
        .insertInto('projects')
        .values({
          id,
          organisation_id: organisation,
          name: input.name,
          source: JSON.stringify(source),
          source_url: input.source.kind === 'ssh' ? input.source.url : input.source.path,
          default_branch: branch,
          hook_id: made.hook,
          deploy_key: made.deployPublicKey,
          deploy_key_fingerprint: made.deployKeyFingerprint,
        })
        .execute()
      await writeAudit(tx, actor, { action: 'project.create', target: id, project: id, result: 'ok' })
    })
  } catch (error) {
    // What the vault made for a project that is not there would serve nobody; one that is there would never have its keys again.
    if (!mayBeCommitted(error)) await deps.vault.call('project.delete', { project: id })
    throw sqlState(error) === '23505' ? nameTaken(input.name) : error
  }
  return { project: await getProject(deps, actor.scope, id), hook_secret_sealed: made.hookSecretSealed ?? '' }
}

const branchPrefix = 'refs/heads/'

/** Without its prefix: everything that asks whether a ref is this branch puts it before the name. */
const branchOf = (text: string): string => {
  const ref = fullRef(text)
  if (ref?.startsWith(branchPrefix) !== true)
    throw fault('E_INPUT', { public: 'default_branch is not the name of a branch' })
  return ref.slice(branchPrefix.length)
}

/** What is left out stays. */
const set = async (
  deps: ProjectsDeps,
  actor: Actor,
  project: string,
  {
    changes,
    expect,
  }: { readonly changes: ProjectSettingsInput; readonly expect: Parameters<Projects['set']>[3] },
): Promise<Project> => {
  const { id } = await getRow(deps, actor.scope, project)
  await inTransaction(deps.database.db, async (tx) => {
    await sql`select 1 from projects where id = ${id} for update`.execute(tx)
    const [row] = await selectProjects(tx, actor.scope, { where: sql`p.id = ${id}`, limit: 1 })
    if (row !== undefined) expect?.(settingsOf(row))
    await sql`
      update projects set auto_cancel = coalesce(${changes.auto_cancel ?? null}::boolean, auto_cancel),
        untrusted_in_scripts = coalesce(${changes.untrusted_in_scripts ?? null}::boolean, untrusted_in_scripts),
        jobs_max = case when ${changes.jobs_max !== undefined} then ${changes.jobs_max ?? null}::integer else jobs_max end,
        priority = coalesce(${changes.priority ?? null}::text, priority),
        approval_people = coalesce(${changes.approval_people ?? null}::integer, approval_people),
        approval_not_self = coalesce(${changes.approval_not_self ?? null}::boolean, approval_not_self),
        approval_role = coalesce(${changes.approval_role ?? null}::text, approval_role),
        approval_seconds = case when ${changes.approval_seconds !== undefined}
          then ${changes.approval_seconds ?? null}::integer else approval_seconds end
      where id = ${id}`.execute(tx)
    if (changes.poll_seconds !== undefined) await setPolling(tx, id, changes.poll_seconds)
    if (changes.jobs_max !== undefined) await holdQueued(tx, actor.scope.organisation)
    const facts = Object.fromEntries(Object.entries(changes).map(([name, value]) => [name, value ?? null]))
    await writeAudit(tx, actor, { action: 'project.set', target: id, project: id, result: 'ok', facts })
  })
  return getProject(deps, actor.scope, id)
}

/** What it had is gone with the answer, or of a large one soon after. */
const remove = async (deps: ProjectsDeps, actor: Actor, project: string): Promise<void> => {
  const { database, objects, log } = deps
  const { db } = database
  await removeProject(deps, actor, project)
  await unlessObjectsStay(db, () =>
    removeRest({ db, objects }, { partsMax: limits.removedParts.withAnswer }),
  ).catch((error: unknown) => log.warn('the rest of a removed project goes later', { error }))
}
const nameTaken = (name: string) =>
  fault('E_CONFLICT', { public: `There is a project named ${name} already` })

const rotateHook = async (
  deps: ProjectsDeps,
  actor: Actor,
  project: string,
  eph: string,
): Promise<ProjectCreated> => {
  const { id } = await getRow(deps, actor.scope, project)
  const { hook, hookSecretSealed } = await deps.vault.call('hook.rotate', { project: id, eph })
  await inTransaction(deps.database.db, async (tx) => {
    await sql`update projects set hook_id = ${hook} where id = ${id}`.execute(tx)
    await writeAudit(tx, actor, { action: 'hook.rotate', target: id, project: id, result: 'ok' })
  })
  return { project: await getProject(deps, actor.scope, id), hook_secret_sealed: hookSecretSealed }
}

/** A built-in `refs` job outside of any run. One at a time: who asks again gets the one that is under way. */
const contact = async (
  deps: ProjectsDeps,
  actor: Actor,
  project: string,
): Promise<{ attempt_id: string }> => {
  const { id } = await getRow(deps, actor.scope, project)
  const attempt = await inTransaction(deps.database.db, async (tx) => {
    await sql`select 1 from projects where id = ${id} for update`.execute(tx)
    const live = await sql<{ id: AttemptId }>`
      select a.id from attempts a where a.project_id = ${id} and a.run_id is null and a.status in ('queued', 'running')
      limit 1`.execute(tx)
    if (live.rows[0] !== undefined) return live.rows[0].id
    const of = { organisation: actor.scope.organisation, project: id, key: 'refs' } as const
    const fresh = await queueRefs(tx, deps.newId, of)
    await writeAudit(tx, actor, { action: 'project.contact', target: id, project: id, result: 'ok' })
    return fresh
  })
  return { attempt_id: attempt }
}

const confirmHostKey = async (
  deps: ProjectsDeps,
  actor: Actor,
  project: string,
  fingerprint: string,
): Promise<Project> => {
  const { db } = deps.database
  const { id } = await getRow(deps, actor.scope, project)
  for (let tries = 0; tries < confirmTriesMax; tries++) {
    const keys = await readConfirmed(db, id, fingerprint)
    const pinned = keys.flatMap(({ line, isReplaced }) => (isReplaced ? [] : [line]))
    await deps.vault.call('project.set', { project: id, hostKeys: pinned })
    await refreshAdmissions({ db, vault: deps.vault }, actor.scope.organisation)
    if (await writeConfirmed(db, actor, id, { keys, fingerprint })) return getProject(deps, actor.scope, id)
  }
  throw fault('E_CONFLICT', { detail: 'the confirmed host keys change at every look' })
}

const confirmTriesMax = 5

type ConfirmedKey = { readonly line: string; readonly fingerprint: string; readonly isReplaced: boolean }

/**
 * With the one that is to be. An older key of the same type that the host showed no more beside this one is trusted no longer:
 * whoever took it could be the host.
 */
const readConfirmed = async (
  db: Database['db'] | Tx,
  id: ProjectId,
  fingerprint: string,
): Promise<readonly ConfirmedKey[]> => {
  const { rows } = await sql<ConfirmedKey>`
    select k.line, k.fingerprint, k.seen_at < n.seen_at and split_part(k.line, ' ', 2) = split_part(n.line, ' ', 2) as "isReplaced"
    from host_keys k, host_keys n
    where n.project_id = ${id} and n.fingerprint = ${fingerprint} and k.project_id = ${id}
      and (k.confirmed_at is not null or k.fingerprint = ${fingerprint})
    order by k.seen_at, k.fingerprint`.execute(db)
  if (rows.length === 0) throw fault('E_NOT_FOUND', { public: 'The source host has not shown this key' })
  return rows
}

/** False, and nothing is written, when others were confirmed since: the vault was told a list without them, or took theirs for it. */
const writeConfirmed = (
  db: Database['db'],
  actor: Actor,
  id: ProjectId,
  { keys, fingerprint }: { readonly keys: readonly ConfirmedKey[]; readonly fingerprint: string },
): Promise<boolean> =>
  inTransaction(db, async (tx) => {
    await sql`select 1 from projects where id = ${id} for update`.execute(tx)
    if (!isDeepStrictEqual(await readConfirmed(tx, id, fingerprint), keys)) return false
    const replaced = keys.flatMap((key) => (key.isReplaced ? [key.fingerprint] : []))
    await sql`
      update host_keys set confirmed_at = now(), confirmed_by = ${actorId(actor)}
      where project_id = ${id} and fingerprint = ${fingerprint} and confirmed_at is null`.execute(tx)
    await sql`delete from host_keys where project_id = ${id} and fingerprint = any(${replaced}::text[])`.execute(
      tx,
    )
    const facts = { fingerprint, ...(replaced.length === 0 ? {} : { replaced: replaced.join(' ') }) }
    await writeAudit(tx, actor, { action: 'host-key.confirm', target: id, project: id, result: 'ok', facts })
    return true
  })
