// Whether the policy of a secret admits a use of it (trust-model.md §4.4 rule 4): state, age, tier, event, ref. One function
// judges: the vault before it releases, and whoever asks who can reach a secret. What a use does not say, no rule is
// satisfied by. Pure.
import { matchesGlob } from '../base/ref-glob.ts'
import { policyEvents, type SecretPolicy } from './statement.ts'

export type Judged = {
  readonly state: 'active' | 'disabled' | 'revoked'
  readonly expiresAt: number | null
  readonly policy: SecretPolicy
}
export type SecretUse = {
  readonly ref: string | undefined
  readonly event: string | undefined
  readonly tier: 'fork' | 'branch' | 'protected'
}
export type PolicyRule = 'state' | 'expired' | 'tier' | 'event' | 'ref'

/** The first rule that keeps it back; null: none. */
export const refusalByPolicy = (
  { state, expiresAt, policy }: Judged,
  use: SecretUse,
  nowSeconds: number,
): PolicyRule | null => {
  if (state !== 'active') return 'state'
  if (expiresAt !== null && nowSeconds >= expiresAt) return 'expired'
  if (!admitsTier(policy, use.tier)) return 'tier'
  if (!admitsEvent(policy, use)) return 'event'
  return admitsRef(policy, use.ref) ? null : 'ref'
}

/** Code of strangers gets nothing, whatever a policy says. */
const admitsTier = ({ min_tier: min }: SecretPolicy, tier: SecretUse['tier']): boolean =>
  tier === 'protected' || (tier === 'branch' && min === 'branch')

const admitsRef = ({ refs }: SecretPolicy, ref: string | undefined): boolean =>
  ref !== undefined && refs.some((glob) => matchesGlob(glob, ref))

/** The push of a tag is an event of its own: a policy for branches does not cover it. */
const admitsEvent = ({ events }: SecretPolicy, { event, ref }: SecretUse): boolean => {
  const named = event === 'push' && ref?.startsWith('refs/tags/') === true ? 'tag' : event
  const known = policyEvents.find((word) => word === named)
  return known !== undefined && events.includes(known)
}
