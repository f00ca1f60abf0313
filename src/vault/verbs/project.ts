// Projects: what the vault pins for them (address, host keys) and holds for them (deploy key, hook secret, blob key).
// One record per project, so that it is there whole or not at all.
import { fromBase64Url, toBase64Url, utf8 } from '../../base/bytes.ts'
import type { Clock, RandomBytes } from '../../base/clock.ts'
import { fault } from '../../base/faults.ts'
import { formatId, type HookId, idBytes, type ProjectId } from '../../base/ids.ts'
import { repositoryOf } from '../../protocol/repository.ts'
import type { VaultAnswer, VaultRequest } from '../../protocol/vault.ts'
import { sealHookSecret } from '../../seal/index.ts'
import { generateDeployKey } from '../keys/deploy-key.ts'
import type { MasterKey } from '../keys/keyring.ts'
import { pinHostKeys } from '../policy/host-keys.ts'
import type { ProjectRecord, Records } from '../store/records.ts'

export type ProjectDeps = {
  readonly records: Records
  readonly master: MasterKey
  readonly clock: Pick<Clock, 'now'>
  readonly randomBytes: RandomBytes
}

/** What the wrapped keys of a project are bound to. */
export const wrapContexts = {
  deploy: (project: ProjectId) => ({ kind: 'deploy', project, v: 1 }),
  hook: (project: ProjectId, version: number) => ({ kind: 'hook', project, v: version }),
  blobs: (record: Pick<ProjectRecord, 'org' | 'project'>) => ({
    kind: 'dek',
    org: record.org,
    project: record.project,
    purpose: 'blobs',
    v: 1,
  }),
  secrets: (record: Pick<ProjectRecord, 'org' | 'project'>) => ({
    kind: 'dek',
    org: record.org,
    project: record.project,
    purpose: 'secrets',
    v: 1,
  }),
}

/** A project has one hook, with the same bytes under another prefix: no second index that could go stale. */
const hookOf = (project: ProjectId): HookId => formatId('hook', idBytes(project))
export const projectOfHook = (hook: HookId): ProjectId => formatId('project', idBytes(hook))

export const findProject = (records: Records, project: ProjectId): ProjectRecord => {
  const record = records.find('project', project)
  if (record === null) throw fault('E_NOT_FOUND', { public: 'The vault does not know this project' })
  return record
}

export const createProject = async (
  deps: ProjectDeps,
  request: VaultRequest<'project.create'>,
): Promise<VaultAnswer<'project.create'>> => {
  const { project, org, source, defaultRef } = request
  const hook = hookOf(project)
  const secret = makeHookSecret(deps.randomBytes)
  const record: ProjectRecord = {
    project,
    org,
    source,
    hostKeys: pinHostKeys(source, request.hostKeys ?? []),
    ...(defaultRef === undefined ? {} : { defaultRef }),
    deploy: source.kind === 'ssh' ? await makeDeployKey(deps, project) : null,
    hook: { version: 1, wrapped: await deps.master.wrap(secret, wrapContexts.hook(project, 1)) },
    blobs: { version: 1, wrapped: await makeBlobKey(deps, { org, project }) },
    unsigned: true,
  }
  const hookSecretSealed =
    request.eph === undefined ? null : await sealSecret(secret, { eph: request.eph, hook })
  secret.fill(0)
  await deps.records.change('project', project, (current) => {
    if (current !== null) throw fault('E_CONFLICT', { public: 'The vault knows this project already' })
    if (deps.records.find('gone', project) !== null)
      throw fault('E_CONFLICT', { public: 'This project was deleted: its id never comes back' })
    requireNothingOwed(deps.records, record)
    return record
  })
  return {
    deployPublicKey: record.deploy?.publicLine ?? null,
    deployKeyFingerprint: record.deploy?.fingerprint ?? null,
    hook,
    hookSecretSealed,
  }
}

export const setProject = async (
  deps: ProjectDeps,
  request: VaultRequest<'project.set'>,
): Promise<{ ok: true }> => {
  findProject(deps.records, request.project)
  await deps.records.change('project', request.project, (current) => {
    if (current === null) throw fault('E_NOT_FOUND')
    const source = request.source ?? current.source
    if (source.kind !== current.source.kind)
      throw fault('E_CONFLICT', { public: 'Another kind of source needs a new project' })
    if (repositoryOf(source) !== repositoryOf(current.source)) requireNothingOwed(deps.records, current)
    return {
      ...current,
      source,
      hostKeys: pinHostKeys(source, request.hostKeys ?? keptHostKeys(current, source)),
    }
  })
  return { ok: true }
}

/**
 * No signer stands for it, so it ends nothing that one put: secrets are revoked first. And the id never comes back: what was said about its
 * secrets is forgotten with them, and would count once more at whatever place the server named next.
 */
export const deleteProject = async (
  deps: ProjectDeps,
  { project }: VaultRequest<'project.delete'>,
): Promise<{ ok: true }> => {
  findProject(deps.records, project)
  await deps.records.change('gone', project, (current) => {
    findProject(deps.records, project)
    if (hasSecrets(deps.records, project))
      throw fault('E_CONFLICT', { public: 'The project has secrets: revoke them first' })
    return current ?? { project, at: Math.floor(deps.clock.now() / 1000) }
  })
  await deps.records.change('project', project, () => null)
  return { ok: true }
}

export const rotateHook = async (
  deps: ProjectDeps,
  request: VaultRequest<'hook.rotate'>,
): Promise<VaultAnswer<'hook.rotate'>> => {
  const hook = hookOf(findProject(deps.records, request.project).project)
  const secret = makeHookSecret(deps.randomBytes)
  const hookSecretSealed = await sealSecret(secret, { eph: request.eph, hook })
  await deps.records.change('project', request.project, async (current) => {
    if (current === null) throw fault('E_NOT_FOUND')
    const version = current.hook.version + 1
    const wrapped = await deps.master.wrap(secret, wrapContexts.hook(current.project, version))
    return { ...current, hook: { version, wrapped } }
  })
  secret.fill(0)
  return { hook, hookSecretSealed }
}

/**
 * No signer stands for where a project's code lies (yet), so that place is the one that secrets were put for: as long as there are
 * any, the server cannot name another one, nor make a project anew that a context still names.
 */
const requireNothingOwed = (records: Records, { project }: ProjectRecord): void => {
  const isNamed = records
    .list('context')
    .some(
      ({ state, rules }) => state === 'active' && rules.projects !== '*' && rules.projects.includes(project),
    )
  if (hasSecrets(records, project) || isNamed)
    throw fault('E_CONFLICT', {
      public:
        'Secrets are for the repository that this project has: revoke them, or take it out of its contexts',
    })
}

/** What is disabled has its value, and somebody may enable it. */
const hasSecrets = (records: Records, project: ProjectId): boolean =>
  records.list('secret').some((secret) => secret.project === project && secret.state !== 'revoked')

/** Pins belong to a host and port: at another one they must be confirmed again. */
const keptHostKeys = (current: ProjectRecord, source: ProjectRecord['source']): readonly string[] => {
  if (source.kind === 'local' || current.source.kind === 'local') return []
  const isSamePlace =
    source.host.toLowerCase() === current.source.host.toLowerCase() && source.port === current.source.port
  return isSamePlace ? current.hostKeys : []
}

const makeDeployKey = async (deps: ProjectDeps, project: ProjectId) => {
  const { seed, publicLine, fingerprint } = await generateDeployKey(`mayfly-${project}`)
  const wrapped = await deps.master.wrap(seed, wrapContexts.deploy(project))
  seed.fill(0)
  return { publicLine, fingerprint, wrapped }
}

const makeBlobKey = async (
  deps: ProjectDeps,
  owner: Pick<ProjectRecord, 'org' | 'project'>,
): Promise<string> => {
  const key = deps.randomBytes(32)
  const wrapped = await deps.master.wrap(key, wrapContexts.blobs(owner))
  key.fill(0)
  return wrapped
}

/** 64 hexadecimal digits: what people paste into a source host, and what a shell passes on without quoting. */
const makeHookSecret = (randomBytes: RandomBytes): Uint8Array =>
  utf8(Buffer.from(randomBytes(32)).toString('hex'))

const sealSecret = async (
  secret: Uint8Array,
  to: { readonly eph: string; readonly hook: HookId },
): Promise<string> => {
  const sealed = await sealHookSecret(fromBase64Url(to.eph) ?? new Uint8Array(0), secret, to.hook)
  if (sealed === null) throw fault('E_INPUT', { public: 'eph is not a usable X25519 key' })
  return toBase64Url(sealed)
}
