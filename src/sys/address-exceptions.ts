// What an operator opens in spite of where it lies, as text of the settings: read by the supervisor, before anything is stopped
// for it, and by whoever judges addresses.
import { type BlockList, isIP } from 'node:net'
import { fault } from '../base/faults.ts'
import { blockListOf } from './addresses.ts'
import { normalizeHostPattern } from './host-names.ts'

/** An operator's exception: `CIDR`, `address`, `name`, each with an optional `:port` (IPv6 then in brackets). */
export type AddressException = {
  readonly port: number | null
  readonly host: string | null
  readonly range: BlockList | null
  readonly isExact: boolean
}

export const parseAddressExceptions = (texts: readonly string[]): readonly AddressException[] =>
  texts.map(parseException)

const parseException = (text: string): AddressException => {
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
