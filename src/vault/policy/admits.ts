// Whether a secret's policy admits an attempt (trust-model.md §4.4 rule 4), by what the ticket says: ref, event, tier, age;
// and by what its runner has proven: whether the commit is the newest. Every rule must hold; what a ticket does not say, no
// rule is satisfied by. Pure.
import type { Evidence } from '../../protocol/evidence.ts'
import { type Judged, refusalByPolicy } from '../../protocol/secret-policy.ts'
import type { TicketClaims } from '../../protocol/vault.ts'
import type { SecretRecord } from '../store/records.ts'

export const admits = (
  secret: Judged,
  { purpose, ref, event, tier }: Pick<TicketClaims, 'purpose' | 'ref' | 'event' | 'tier'>,
  nowSeconds: number,
): boolean => purpose === 'job' && refusalByPolicy(secret, { ref, event, tier }, nowSeconds) === null

/** Whether it is for the newest commit of its ref only, which this one is not. */
export const isStale = ({ policy }: Pick<SecretRecord, 'policy'>, { is_tip: isTip }: Evidence): boolean =>
  policy.freshness === 'tip' && !isTip
