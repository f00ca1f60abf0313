// Which real addresses the gateway never connects to, and the operator's exceptions (isolation.md §6.3.3). Addresses
// are normalised by Node's parser, never by patterns; what it cannot parse is denied.
import { BlockList, isIP, isIPv4, SocketAddress } from 'node:net'
import { fault } from '../../base/faults.ts'
import { matchesHost, normalizeHostPattern } from './names.ts'

/** `never` can be lifted for source hosts only; `own` by an exact address; the rest by any exception. */
type Kind = 'never' | 'own' | 'special'

// Every row: range, kind, the word for records.
const denied: readonly (readonly [cidr: string, kind: Kind, why: string])[] = [
  ['0.0.0.0/8', 'never', 'unspecified'],
  ['10.0.0.0/8', 'special', 'private'],
  ['100.64.0.0/10', 'special', 'carrier'],
  ['127.0.0.0/8', 'never', 'loopback'],
  ['169.254.0.0/16', 'never', 'link-local'],
  ['172.16.0.0/12', 'special', 'private'],
  ['192.0.0.0/24', 'special', 'special-purpose'],
  ['192.0.2.0/24', 'special', 'special-purpose'],
  ['192.88.99.0/24', 'special', 'special-purpose'],
  ['192.168.0.0/16', 'special', 'private'],
  ['198.18.0.0/15', 'special', 'special-purpose'],
  ['198.51.100.0/24', 'special', 'special-purpose'],
  ['203.0.113.0/24', 'special', 'special-purpose'],
  ['224.0.0.0/3', 'never', 'multicast'],
  ['::/128', 'never', 'unspecified'],
  ['::1/128', 'never', 'loopback'],
  ['64:ff9b::/96', 'never', 'translated'],
  ['64:ff9b:1::/48', 'never', 'translated'],
  ['100::/64', 'special', 'special-purpose'],
  ['2001::/23', 'special', 'special-purpose'],
  ['2001:db8::/32', 'special', 'special-purpose'],
  ['2002::/16', 'never', 'translated'],
  ['fc00::/7', 'special', 'private'],
  ['fe80::/10', 'never', 'link-local'],
  ['fec0::/10', 'special', 'private'],
  ['ff00::/8', 'never', 'multicast'],
]

const blockListOf = (cidr: string): BlockList => {
  const list = new BlockList()
  const [network = '', prefix = ''] = cidr.split('/')
  list.addSubnet(network, Number(prefix), isIPv4(network) ? 'ipv4' : 'ipv6')
  return list
}
const ranges = denied.map(([cidr, kind, why]) => ({ list: blockListOf(cidr), kind, why }))

/** One spelling per address, mapped IPv4 unwrapped; null when it is none. No zones, no octal, no short forms. */
export const normalizeAddress = (text: string): string | null => {
  const family = isIP(text)
  if (family === 0 || text.includes('%')) return null
  const { address } = new SocketAddress({ address: text, family: family === 4 ? 'ipv4' : 'ipv6' })
  const inner = address.startsWith('::ffff:') ? address.slice('::ffff:'.length) : ''
  return isIPv4(inner) ? inner : address
}

const isIn = (list: BlockList, address: string): boolean =>
  list.check(address, isIPv4(address) ? 'ipv4' : 'ipv6')

const whyDenied = (address: string, own: ReadonlySet<string>): { kind: Kind; why: string } | null => {
  const range = ranges.find(({ list }) => isIn(list, address))
  if (range !== undefined && range.kind === 'never') return range
  return own.has(address) ? { kind: 'own', why: 'own-address' } : (range ?? null)
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

/** `[v6]:port`, `v6`, `anything:port`, `anything`. */
const splitPort = (text: string): { target: string; port: number | null } => {
  const bracketed = /^\[([^\]]+)\](?::(\d{1,5}))?$/.exec(text)
  if (bracketed) return { target: bracketed[1] ?? '', port: bracketed[2] ? Number(bracketed[2]) : null }
  const plain = /^([^:]+):(\d{1,5})$/.exec(text)
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
  if (range !== null) return isIn(range, address) && (kind !== 'own' || isExact || question.isSource)
  const isNamed = host !== null && question.host !== null && matchesHost(host, question.host)
  return isNamed && (kind !== 'own' || question.isSource)
}
