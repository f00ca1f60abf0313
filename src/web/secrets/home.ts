// Whose secrets a page shows: those of a project, or of a context. Only their addresses differ, and where a new one goes.
import { parseId } from '../../base/ids.ts'
import type { Context } from '../../protocol/api/contexts.ts'
import type {
  Secret,
  SecretPut,
  SecretReach,
  SecretRevoke,
  SecretSet,
  SecretSignature,
} from '../../protocol/api/secrets.ts'
import type { Project } from '../../protocol/api/shapes.ts'
import { defaultPolicy, policyInContext, type SecretPolicy, secretSubject } from '../../protocol/statement.ts'
import type { Api } from '../state/api.ts'
import { text } from '../text/en.ts'

type Signatures = {
  readonly items: readonly SecretSignature[]
  readonly next_cursor: string | null
}

export type SecretsHome = {
  /** Of a new secret, and the same in words. */
  readonly policy: SecretPolicy
  readonly goes: string
  readonly isEmpty: string
  subjectOf(name: string): string
  put(body: SecretPut): Promise<Secret>
  set(name: string, body: SecretSet): Promise<Secret>
  reach(name: string, signal: AbortSignal): Promise<SecretReach>
  revoke(name: string, body: SecretRevoke): Promise<Secret>
  /** Of a signing key, the newest. */
  signatures(name: string, signal: AbortSignal): Promise<Signatures>
}

export const homeOfProject = (api: Api, { id, default_branch: branch }: Project): SecretsHome => ({
  ...{ policy: defaultPolicy(branch), goes: text.secrets.goes(branch), isEmpty: text.secrets.emptyText },
  subjectOf: (name) => secretSubject(known(parseId('project', id)), name),
  put: (body) => api.call('secretPut', { path: { project: id }, body }),
  set: (name, body) => api.call('secretSet', { path: { project: id, name }, body }),
  reach: (name, signal) => api.call('secretReach', { path: { project: id, name }, signal }),
  revoke: (name, body) => api.call('secretRevoke', { path: { project: id, name }, body }),
  signatures: (name, signal) => api.call('secretSignatures', { path: { project: id, name }, signal }),
})

export const homeOfContext = (api: Api, { id }: Context): SecretsHome => ({
  ...{ policy: policyInContext, goes: text.contexts.goes, isEmpty: text.contexts.emptySecrets },
  subjectOf: (name) => secretSubject(known(parseId('context', id)), name),
  put: (body) => api.call('contextSecretPut', { path: { context: id }, body }),
  set: (name, body) => api.call('contextSecretSet', { path: { context: id, name }, body }),
  reach: (name, signal) => api.call('contextSecretReach', { path: { context: id, name }, signal }),
  revoke: (name, body) => api.call('contextSecretRevoke', { path: { context: id, name }, body }),
  signatures: (name, signal) => api.call('contextSecretSignatures', { path: { context: id, name }, signal }),
})

const known = <T>(id: T | null): T => {
  if (id === null) throw new TypeError('the server answered a malformed id')
  return id
}
