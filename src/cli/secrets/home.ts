// Whose secrets a verb is about: those of a project, or of a context of the organisation. Both are put, shown and revoked
// the same way; only their addresses differ, and where a new one goes by itself.
import { fault } from '../../base/faults.ts'
import { type IdKind, parseId } from '../../base/ids.ts'
import type {
  Secret,
  SecretPut,
  SecretReach,
  SecretRevoke,
  SecretSet,
  SecretSignature,
} from '../../protocol/api/secrets.ts'
import type { SecretView } from '../../protocol/secret-views.ts'
import { defaultPolicy, policyInContext, type SecretPolicy, secretSubject } from '../../protocol/statement.ts'
import type { ApiClient } from '../api/client.ts'
import { findProjectHere } from '../api/find-run.ts'
import type { Surroundings } from '../surroundings.ts'

export type HomeFlags = { readonly project?: string; readonly context?: string }

export type SecretsHome = {
  /** What statements about one of them are about. */
  subjectOf(name: string): string
  readonly name: string
  /** Of a project with an address, where its code lies. */
  readonly repository?: string
  /** Of a new secret. */
  readonly policy: SecretPolicy
  list(view?: SecretView): Promise<{ readonly items: readonly Secret[] }>
  find(name: string): Promise<Secret>
  put(body: SecretPut): Promise<Secret>
  set(name: string, body: SecretSet): Promise<Secret>
  reach(name: string): Promise<SecretReach>
  revoke(name: string, body: SecretRevoke): Promise<Secret>
  /** Of a signing key, the newest. */
  signatures(
    name: string,
    limit: string,
  ): Promise<{ readonly items: readonly SecretSignature[]; readonly next_cursor: string | null }>
}

export const homeOf = async (
  around: Surroundings,
  api: ApiClient,
  { project, context }: HomeFlags,
): Promise<SecretsHome> => {
  if (project !== undefined && context !== undefined)
    throw fault('E_INPUT', { public: 'either --project or --context, not both' })
  return context === undefined ? ofProject(around, api, project) : ofContext(api, context)
}

const ofProject = async (
  around: Surroundings,
  api: ApiClient,
  wanted: string | undefined,
): Promise<SecretsHome> => {
  const here: { readonly name: string; readonly remote?: string } | undefined =
    wanted === undefined ? await findProjectHere(around, api) : { name: wanted }
  if (here === undefined) throw fault('E_INPUT', { public: 'say which project: --project NAME' })
  const found = await api.call('project', { params: { project: here.name } })
  const { id, name, default_branch: branch, source } = found
  const params = { project: name }
  // What this work tree itself knows goes before what the server says of the project.
  const repository = here.remote ?? (source.kind === 'ssh' ? source.url : undefined)
  return {
    ...{ name, policy: defaultPolicy(branch) },
    ...(repository === undefined ? {} : { repository }),
    subjectOf: (secret) => secretSubject(idOf('project', id), secret),
    list: (view) => api.all('secrets', { params, query: viewed(view) }),
    find: (secret) => api.call('secret', { params: { ...params, name: secret } }),
    put: (body) => api.call('secretPut', { params, body }),
    set: (secret, body) => api.call('secretSet', { params: { ...params, name: secret }, body }),
    reach: (secret) => api.call('secretReach', { params: { ...params, name: secret } }),
    revoke: (secret, body) => api.call('secretRevoke', { params: { ...params, name: secret }, body }),
    signatures: (secret, limit) =>
      api.call('secretSignatures', { params: { ...params, name: secret }, query: { limit } }),
  }
}

const ofContext = async (api: ApiClient, wanted: string): Promise<SecretsHome> => {
  const { id, name, state } = await api.call('context', { params: { context: wanted } })
  if (state === 'deleted') throw fault('E_NOT_FOUND', { public: `the context "${name}" is deleted` })
  const params = { context: id }
  return {
    ...{ name: `the context "${name}"`, policy: policyInContext },
    subjectOf: (secret) => secretSubject(idOf('context', id), secret),
    list: (view) => api.all('contextSecrets', { params, query: viewed(view) }),
    find: (secret) => api.call('contextSecret', { params: { ...params, name: secret } }),
    put: (body) => api.call('contextSecretPut', { params, body }),
    set: (secret, body) => api.call('contextSecretSet', { params: { ...params, name: secret }, body }),
    reach: (secret) => api.call('contextSecretReach', { params: { ...params, name: secret } }),
    revoke: (secret, body) => api.call('contextSecretRevoke', { params: { ...params, name: secret }, body }),
    signatures: (secret, limit) =>
      api.call('contextSecretSignatures', { params: { ...params, name: secret }, query: { limit } }),
  }
}

const viewed = (view: SecretView | undefined) => (view === undefined ? {} : { view })

export const idOf = <K extends IdKind>(kind: K, text: string) => {
  const id = parseId(kind, text)
  if (id === null) throw fault('E_PROTOCOL', { public: `the server answered a malformed id of a ${kind}` })
  return id
}
