// Ranges of addresses that are not the public internet, and one spelling for each address. Addresses are normalised by
// Node's parser, never by patterns; what it cannot parse is none.
import { BlockList, isIP, isIPv4, SocketAddress } from 'node:net'

/** `never`: of this machine, or of nobody; `special`: of a network that somebody runs. */
export type AddressKind = 'never' | 'special'

// Every row: range, kind, the word for records.
const denied: readonly (readonly [cidr: string, kind: AddressKind, why: string])[] = [
  ['0.0.0.0/8', 'never', 'unspecified'],
  ['10.0.0.0/8', 'special', 'private'],
  ['100.64.0.0/10', 'special', 'carrier'],
  ['127.0.0.0/8', 'never', 'loopback'],
  // Azure's, which tells a machine its settings and keys, as 169.254.169.254 does elsewhere.
  ['168.63.129.16/32', 'never', 'metadata'],
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

export const blockListOf = (cidr: string): BlockList => {
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

export const isInList = (list: BlockList, address: string): boolean =>
  list.check(address, isIPv4(address) ? 'ipv4' : 'ipv6')

/** null: it is of the public internet. */
export const rangeOf = (address: string): { readonly kind: AddressKind; readonly why: string } | null =>
  ranges.find(({ list }) => isInList(list, address)) ?? null
