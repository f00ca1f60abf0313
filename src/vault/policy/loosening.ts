// What lets more jobs have a secret, or for longer, than the last word about it did (trust-model.md §4.2). Where it cannot be seen
// that something is as narrow as before, it loosens. What was revoked or deleted counts with the rules it had: else ending and
// making anew would be the way around. What is new loosens nothing: its value, or its emptiness, is its maker's. Pure.
import { matchesGlob } from '../../base/ref-glob.ts'
import type { ContextRules } from '../../protocol/contexts.ts'
import type { PutStatement, SecretPolicy, SetStatement } from '../../protocol/statement.ts'
import type { ContextRecord, SecretRecord } from '../store/records.ts'

/** A new value: how long it is good is about this value, and nothing else about it was there before. */
export const loosensByPut = (before: SecretRecord | null, body: PutStatement['body']): boolean => {
  if (before === null) return false
  const { kind, policy, hosts = [] } = before
  return (
    before.state === 'disabled' ||
    (kind !== body.kind && (kind === 'ssh' || kind === 'signing')) ||
    hasMore(body.hosts ?? [], hosts) ||
    loosensPolicy(policy, body.policy) ||
    loosensOnLeak(before, body.on_leak)
  )
}

export const loosensBySet = (before: SecretRecord, body: SetStatement['body']): boolean =>
  (before.state === 'disabled' && body.state === 'active') ||
  isLater(before.expiresAt, body.expires_at) ||
  loosensOnLeak(before, body.on_leak)

export const loosensContext = (before: ContextRecord | null, after: ContextRules): boolean => {
  if (before === null) return false
  const { projects, refs, roles } = before.rules
  const moreProjects =
    projects !== '*' && (after.projects === '*' || hasMore<string>(after.projects, projects))
  const moreRoles = roles !== null && (after.roles === null || hasMore(after.roles, roles))
  return moreProjects || moreRoles || loosensRefs(refs, after.refs)
}

const loosensPolicy = (before: SecretPolicy, after: SecretPolicy): boolean =>
  loosensRefs(before.refs, after.refs) ||
  hasMore(after.events, before.events) ||
  (before.min_tier === 'protected' && after.min_tier !== 'protected') ||
  (before.freshness === 'tip' && after.freshness !== 'tip')

const loosensRefs = (before: readonly string[], after: readonly string[]): boolean =>
  after.some((ref) => !before.some((glob) => covers(glob, ref)))

/** A full name is covered by a glob that takes it; of two globs only the same, or one that takes every ref. */
const covers = (glob: string, ref: string): boolean =>
  glob === ref || glob === 'refs/**' || (!/[*?]/.test(ref) && matchesGlob(glob, ref))

const loosensOnLeak = (before: SecretRecord, after: 'tell' | 'revoke' | undefined): boolean =>
  before.onLeak === 'revoke' && after === 'tell'

const isLater = (before: number | null, after: number | null): boolean =>
  before !== null && (after === null || after > before)

const hasMore = <T>(after: readonly T[], before: readonly T[]): boolean =>
  after.some((one) => !before.includes(one))
