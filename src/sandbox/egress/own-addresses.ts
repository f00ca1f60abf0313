// The addresses of this machine, which the gateway never connects to for a job. `os.networkInterfaces()` leaves out
// interfaces without carrier, whose addresses the kernel answers for all the same: its own tables leave out none.
import { readFileSync } from 'node:fs'
import { networkInterfaces } from 'node:os'
import { normalizeAddress } from '../../sys/index.ts'

/** In the network namespace of this process; each in the spelling of `normalizeAddress`. */
export const readOwnAddresses = (): readonly string[] => [
  ...Object.values(networkInterfaces()).flatMap((entries) => (entries ?? []).map(({ address }) => address)),
  ...localRoutes(read('/proc/net/fib_trie')),
  ...addressesOfIpv6(read('/proc/net/if_inet6')),
]

/** `|-- 192.0.2.7`, then its routes; the one that makes it ours is `/32 host LOCAL`. */
export const localRoutes = (trie: string): readonly string[] => {
  const own = new Set<string>()
  let leaf = ''
  for (const line of trie.split('\n')) {
    leaf = /\|-- (\S+)/.exec(line)?.[1] ?? leaf
    if (/^\s+\/32 host LOCAL\b/.test(line)) own.add(leaf)
  }
  return [...own]
}

/** 32 digits without colons, then what is told of the address. */
export const addressesOfIpv6 = (table: string): readonly string[] =>
  table.split('\n').flatMap((line) => {
    const digits = /^[\da-f]{32}(?= )/.exec(line)?.[0]
    const address = digits === undefined ? null : normalizeAddress(digits.match(/.{4}/g)?.join(':') ?? '')
    return address === null ? [] : [address]
  })

/** A kernel without IPv6 has no such table. */
const read = (path: string): string => {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
