// Whether a secret's policy admits an attempt (trust-model.md §4.4 rule 4), as far as a ticket can say today: ref, event,
// tier, age. Every rule must hold; what a ticket does not say, no rule is satisfied by. Pure.
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

/**
 * Anchored at both ends: `**` is anything, `*` anything but a slash, `?` one character but a slash. By the set of
 * positions in the glob that the text so far may have reached, so that no pattern takes longer than length × length.
 */
export const matchesGlob = (glob: string, text: string): boolean => {
  const parts = glob.match(/\*\*|[\s\S]/gu) ?? []
  const isStar = (at: number) => parts[at] === '*' || parts[at] === '**'
  const close = (reached: Set<number>): Set<number> => {
    // A set is walked in order of insertion, also what is added meanwhile.
    for (const at of reached) if (isStar(at)) reached.add(at + 1)
    return reached
  }
  let reached = close(new Set([0]))
  for (const char of text) {
    const next = new Set<number>()
    for (const at of reached) {
      const part = parts[at]
      if (part === '**' || (part === '*' && char !== '/')) next.add(at)
      else if (part === char || (part === '?' && char !== '/')) next.add(at + 1)
    }
    reached = close(next)
  }
  return reached.has(parts.length)
}
