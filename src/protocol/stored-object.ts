// What outlives the sandbox of an attempt besides its log: workspaces, caches, artifacts, results of tests (trust-model.md §6). One sealed
// MFB1 container each, and a manifest that the runner which made it signed. The scope says who may read it: computed here
// from the facts of a ticket, for server, vault and runner alike, and never from what a job says.
import type { ProjectId, RunId } from '../base/ids.ts'
import { id, integer, object, oneOf, parseShape, type Shaped, text } from '../base/shape.ts'

/** As `Tier` of vault.ts, which reads this file. */
type Tier = 'fork' | 'branch' | 'protected'

export const manifestTyp = 'mayfly-object+jwt'
export const cacheKeyCharactersMax = 900
/** The longest time that a job may have its caches kept for. */
export const cacheDaysMax = 15

/** What a step that restores a cache found: one under a whole key, one by how a key begins, none. */
export const cacheHits = ['exact', 'prefix', 'miss'] as const
export type CacheHit = (typeof cacheHits)[number]

/** A key as it stands in names of rows and messages. */
export const cacheKey = text({ max: cacheKeyCharactersMax, form: /^[^\p{Cc}]+$/u })
const scope = text({ max: 1100 })
const seconds = integer({ min: 0, max: 253_402_300_799 })

/** JWS `typ=mayfly-object+jwt`, `kid` = the runner. `key` only of a cache. */
export const manifestClaims = object({
  v: oneOf(1),
  iss: id('runner'),
  iat: seconds,
  kind: oneOf('workspace', 'cache', 'artifacts', 'tests'),
  object: id('object'),
  project: id('project'),
  run: id('run'),
  job: id('job'),
  attempt: id('attempt'),
  scope,
  key: text({ max: cacheKeyCharactersMax, min: 0 }),
  sha256: text({ max: 64, form: /^[0-9a-f]{64}$/ }),
  size: integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
})
export type Manifest = Shaped<typeof manifestClaims>
export type ObjectKind = Manifest['kind']

/** Of a JWS whose signature somebody else has checked or will check. */
export const readManifest = (jws: string, decode: (part: string) => unknown): Manifest | null => {
  const parsed = parseShape(manifestClaims, decode(jws.split('.')[1] ?? ''))
  return parsed.ok ? parsed.value : null
}

/** What a ticket says of an attempt, as far as scopes go. */
export type ScopeFacts = {
  readonly tier: Tier
  readonly ref?: string | undefined
  readonly event?: string | undefined
  readonly default_ref?: string | undefined
}

/** Workspaces and artifacts are of their run, and nobody else's. */
export const runScope = (run: RunId): string => `run/${run}`

/**
 * Where a job's caches go, and from where it takes them, best first. Only a push to the default branch writes what jobs
 * of the default branch read: with a run that a person starts, ref and commit are what that person says.
 */
export const cacheScopes = (
  facts: ScopeFacts,
): { readonly write: string; readonly read: readonly string[] } => {
  const { default_ref: trunk } = facts
  const write = writeScope(facts)
  const shared = trunk === undefined ? [] : [`protected/${trunk}`]
  return { write, read: [...new Set([write, ...shared])] }
}

/** Only pushes to a protected or default branch write there. */
export const isProtectedScope = (scope: string): boolean => scope.startsWith('protected/')

const writeScope = ({ tier, ref = '', event, default_ref: trunk }: ScopeFacts): string => {
  if (tier === 'fork') return `fork/${ref}`
  const isTrunk = trunk !== undefined && ref === trunk && event === 'push'
  return isTrunk || tier === 'protected' ? `protected/${ref}` : `branch/${ref}`
}

/** Later runs read it, by the rules of caches: results of tests say how those runs split theirs. */
export const isShared = (kind: ObjectKind): boolean => kind === 'cache' || kind === 'tests'

/** Jobs of this ticket may read what was stored under the manifest. */
export const mayRestore = (
  facts: ScopeFacts & { readonly project: ProjectId; readonly run?: RunId | undefined },
  manifest: Manifest,
): boolean =>
  manifest.project === facts.project &&
  (isShared(manifest.kind)
    ? cacheScopes(facts).read.includes(manifest.scope)
    : manifest.kind === 'workspace' && facts.run !== undefined && manifest.scope === runScope(facts.run))

/** The lowest tier that a runner must be admitted to for its signature to count in this scope. */
export const tierOfScope = ({ kind, scope: of }: Pick<Manifest, 'kind' | 'scope'>): Tier =>
  isShared(kind) && isProtectedScope(of)
    ? 'protected'
    : isShared(kind) && of.startsWith('fork/')
      ? 'fork'
      : 'branch'
