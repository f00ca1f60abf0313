// Who may do what, as data (trust-model.md §5.7). The golden table of access-matrix.db.test.ts is generated from the
// running server and must agree with it. A verb that is missing here is refused to everyone.
import type { Access } from '../../protocol/api/routes.ts'

/** What a role or a token scope can be given; the rest of `Access` is about how somebody came in. */
export type Verb = Exclude<Access, 'public' | 'session' | 'operator'>
export type Role = 'owner' | 'developer' | 'viewer'

export const roles: readonly Role[] = ['owner', 'developer', 'viewer']

const everybody = roles
const writers: readonly Role[] = ['owner', 'developer']

export const rolesByVerb: Readonly<Record<Verb, readonly Role[]>> = {
  'project.view': everybody,
  'project.manage': ['owner'],
  'organisation.manage': ['owner'],
  'run.view': everybody,
  'log.read': everybody,
  'log.pin': writers,
  'run.trigger': writers,
  'run.cancel': writers,
  'run.rerun': writers,
  'run.approve': writers,
  'runner.view': everybody,
  'metrics.read': ['owner'],
  'token.own': everybody,
  'member.manage': ['owner'],
  /** Developers see names and kinds. */
  'secret.meta': writers,
  'secret.put': ['owner'],
  'secret.revoke': ['owner'],
  'context.manage': ['owner'],
  'signer.manage': ['owner'],
  'audit.read': ['owner'],
}

/** Verbs that no token carries: they need the person (trust-model.md §5.6). */
const personOnly: readonly Verb[] = ['token.own', 'member.manage', 'signer.manage']

/** The verbs a token may be given as scopes. */
export const tokenScopes: readonly Verb[] = (Object.keys(rolesByVerb) as Verb[]).filter(
  (verb) => !personOnly.includes(verb),
)

/** Scopes about more than projects: a token that is limited to some has none of them. */
export const scopesOfAll: readonly Verb[] = [
  'organisation.manage',
  'context.manage',
  'runner.view',
  'metrics.read',
  'audit.read',
]

export const roleMay = (role: Role, verb: Verb): boolean => rolesByVerb[verb].includes(role)

export const verbsOf = (role: Role): readonly Verb[] =>
  (Object.keys(rolesByVerb) as Verb[]).filter((verb) => roleMay(role, verb))

export const isTokenScope = (text: string): text is Verb => (tokenScopes as readonly string[]).includes(text)
