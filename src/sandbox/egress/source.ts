// How a checkout cell reaches its source host: the one rule of its policy, and the name to use inside.
//
// A cell sees only names that the gateway maps, so a host that is an address or `localhost` gets an inside name.
// For the caller (checkout, refs, fetch nests): put `name` in place of the host in the remote's URL, keep the port,
// and pin the host key under it (`-o HostKeyAlias=<name>`, or the name in the generated known_hosts). A host with a
// name of its own keeps it, so that its certificate still fits.
import { isIP } from 'node:net'
import { normalizeAddress, normalizeName, parseAddressExceptions } from '../../sys/index.ts'
import type { EgressPolicy, EgressRule } from '../driver.ts'

export const sourceName = 'source.mayfly.internal'

export type Source = { readonly host: string; readonly port: number; readonly isTls: boolean }

export type AllowedSource = {
  /** The host to write into the remote's URL inside the cell. */
  readonly name: string
  readonly port: number
  readonly policy: EgressPolicy
}

/**
 * `operatorAllow` is the installation's `sources.allow`: hosts and ranges, each with an optional port, that may lie
 * in private ranges or on loopback. Null when the host is neither a name nor an address.
 */
export const allowSource = (source: Source, operatorAllow: readonly string[]): AllowedSource | null => {
  const bare = source.host.replace(/^\[(.*)\]$/, '$1')
  const host = isIP(bare) === 0 ? normalizeName(bare) : normalizeAddress(bare)
  if (host === null || !(source.port >= 1 && source.port <= 65_535)) return null
  parseAddressExceptions(operatorAllow) // a bad setting is a fault here, not in the middle of a checkout
  const isForeign = isIP(host) !== 0 || host === 'localhost' || host.endsWith('.localhost')
  const rule: EgressRule = {
    host: isForeign ? sourceName : host,
    ports: [source.port],
    proto: 'tcp',
    tls: source.isTls && !isForeign ? 'sni' : 'any',
    target: { host, privateRanges: operatorAllow },
  }
  return { name: rule.host, port: source.port, policy: { mode: 'list', allow: [rule], privateRanges: [] } }
}
