// Which real addresses the gateway never connects to, and the operator's exceptions (isolation.md §6.3.3). Addresses
// are normalised by Node's parser, never by patterns; what it cannot parse is denied.
import {
  type AddressException,
  type AddressKind,
  isInList,
  matchesHost,
  normalizeAddress,
  rangeOf,
} from '../../sys/index.ts'

/** `never` can be lifted for source hosts only; `own` by an exact address; the rest by any exception. */
type Kind = AddressKind | 'own'

const whyDenied = (address: string, own: ReadonlySet<string>): { kind: Kind; why: string } | null => {
  const range = rangeOf(address)
  if (range?.kind === 'never') return range
  return own.has(address) ? { kind: 'own', why: 'own-address' } : range
}

export type AddressQuestion = {
  readonly port: number
  /** The name that was resolved, null for a literal. */
  readonly host: string | null
  readonly exceptions: readonly AddressException[]
  /** For a source host the operator's word also opens loopback: that is where a local Git server listens. */
  readonly isSource: boolean
  readonly own: ReadonlySet<string>
}

/** Why the gateway must not connect there; null when it may. */
export const checkAddress = (text: string, question: AddressQuestion): string | null => {
  const address = normalizeAddress(text)
  if (address === null) return 'not-an-address'
  const reason = whyDenied(address, question.own)
  if (reason === null) return null
  const isLifted = question.exceptions.some((exception) => lifts(exception, reason.kind, address, question))
  return isLifted ? null : reason.why
}

const lifts = (
  { port, host, range, isExact }: AddressException,
  kind: Kind,
  address: string,
  question: AddressQuestion,
): boolean => {
  if (port !== null && port !== question.port) return false
  if (kind === 'never' && !question.isSource) return false
  if (range !== null) return isInList(range, address) && (kind !== 'own' || isExact || question.isSource)
  const isNamed = host !== null && question.host !== null && matchesHost(host, question.host)
  return isNamed && (kind !== 'own' || question.isSource)
}
