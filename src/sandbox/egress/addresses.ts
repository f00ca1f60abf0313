// Which real addresses the gateway never connects to, and the operator's exceptions (isolation.md §6.3.3). Addresses
// are normalised by Node's parser, never by patterns; what it cannot parse is denied.
import { type BlockList, isIP } from 'node:net'
import { fault } from '../../base/faults.ts'
import { type AddressKind, blockListOf, isInList, normalizeAddress, rangeOf } from '../../sys/index.ts'
import { matchesHost, normalizeHostPattern } from './names.ts'

/** `never` can be lifted for source hosts only; `own` by an exact address; the rest by any exception. */
type Kind = AddressKind | 'own'

const whyDenied = (address: string, own: ReadonlySet<string>): { kind: Kind; why: string } | null => {
  const range = rangeOf(address)
  if (range?.kind === 'never') return range
  return own.has(address) ? { kind: 'own', why: 'own-address' } : range
}

/** An operator's exception: `CIDR`, `address`, `name`, each with an optional `:port` (IPv6 then in brackets). */
export type Exception = {
  readonly port: number | null
  readonly host: string | null
  readonly range: BlockList | null
  readonly isExact: boolean
}

export const parseExceptions = (texts: readonly string[]): readonly Exception[] => texts.map(parseException)

const parseException = (text: string): Exception => {
  const bad = () =>
    fault('E_CONFIG_INVALID', { public: `Not an address range, host or either with a port: ${text}` })
  const { target, port } = splitPort(text)
  if (port !== null && !(port >= 1 && port <= 65_535)) throw bad()
  const [network = '', prefix, ...rest] = target.split('/')
  const family = isIP(network)
  if (family === 0) {
    const host = prefix === undefined ? normalizeHostPattern(target) : null
    if (host === null || /^[\d.]+$/.test(host)) throw bad() // a malformed address is not a name
    return { port, host, range: null, isExact: false }
  }
  const bits = family === 4 ? 32 : 128
  const length = prefix === undefined ? bits : /^\d{1,3}$/.test(prefix) ? Number(prefix) : Number.NaN
  if (rest.length > 0 || !(length >= 0 && length <= bits)) throw bad()
  return { port, host: null, range: blockListOf(`${network}/${length}`), isExact: length === bits }
}

/** `[v6]:port`, `v6`, `v6/length:port`, `anything:port`, `anything`. */
const splitPort = (text: string): { target: string; port: number | null } => {
  const bracketed = /^\[([^\]]+)\](?::(\d{1,5}))?$/.exec(text)
  if (bracketed) return { target: bracketed[1] ?? '', port: bracketed[2] ? Number(bracketed[2]) : null }
  // Behind the length of a prefix a colon can only be the port's.
  const plain = /^([^:]+|[^/]+\/\d{1,3}):(\d{1,5})$/.exec(text)
  return plain ? { target: plain[1] ?? '', port: Number(plain[2]) } : { target: text, port: null }
}

export type AddressQuestion = {
  readonly port: number
  /** The name that was resolved, null for a literal. */
  readonly host: string | null
  readonly exceptions: readonly Exception[]
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
  { port, host, range, isExact }: Exception,
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
