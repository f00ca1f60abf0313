// Whether a secret's policy admits an attempt (trust-model.md §4.4 rule 4), by what the ticket says: ref, event, tier, age;
// and by what its runner has proven: whether the commit is the newest. Every rule must hold; what a ticket does not say, no
// rule is satisfied by. Pure.
import { matchesGlob } from '../../base/ref-glob.ts'
import type { Evidence } from '../../protocol/evidence.ts'
import type { SecretPolicy } from '../../protocol/statement.ts'
import { policyEvents } from '../../protocol/statement.ts'
import type { TicketClaims } from '../../protocol/vault.ts'
import type { SecretRecord } from '../store/records.ts'
import { tierRank } from './ticket.ts'

export const admits = (
  secret: Pick<SecretRecord, 'state' | 'expiresAt' | 'policy'>,
  claims: Pick<TicketClaims, 'purpose' | 'ref' | 'event' | 'tier'>,
  nowSeconds: number,
): boolean =>
  claims.purpose === 'job' &&
  secret.state === 'active' &&
  (secret.expiresAt === null || nowSeconds < secret.expiresAt) &&
  admitsTier(secret.policy, claims.tier) &&
  admitsEvent(secret.policy, claims) &&
  admitsRef(secret.policy, claims.ref)

/** Whether it is for the newest commit of its ref only, which this one is not. */
export const isStale = ({ policy }: Pick<SecretRecord, 'policy'>, { is_tip: isTip }: Evidence): boolean =>
  policy.freshness === 'tip' && !isTip

/** Code of strangers gets nothing, whatever a policy says. */
const admitsTier = ({ min_tier: min }: SecretPolicy, tier: TicketClaims['tier']): boolean =>
  tier !== 'fork' && tierRank[tier] >= tierRank[min]

const admitsRef = ({ refs }: SecretPolicy, ref: string | undefined): boolean =>
  ref !== undefined && refs.some((glob) => matchesGlob(glob, ref))

/** The push of a tag is an event of its own: a policy for branches does not cover it. */
const admitsEvent = (
  { events }: SecretPolicy,
  { event, ref }: Pick<TicketClaims, 'event' | 'ref'>,
): boolean => {
  const named = event === 'push' && ref?.startsWith('refs/tags/') === true ? 'tag' : event
  const known = policyEvents.find((word) => word === named)
  return known !== undefined && events.includes(known)
}
