// Where the package registries of this machine are (foundation.md §10): when they resolve into a range that jobs may
// not reach, the operator needs an exception in mayfly.yml. Found by asking the machine's own npm and apt settings.
import { resolve4 } from 'node:dns/promises'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { BlockList, isIPv4 } from 'node:net'
import { join } from 'node:path'
import { run } from '../sys/index.ts'

export type Detected = { readonly what: string; readonly entry: string }

const lookupDeadlineMs = 5000

/** One entry per registry address in a closed range; empty on an ordinary machine. */
export const detectEgressAllow = async (): Promise<readonly Detected[]> => {
  const places = [...(await npmRegistry()), ...debianMirrors()]
  const found = await Promise.all(places.map(({ what, url }) => entriesFor(what, url)))
  const seen = new Set<string>()
  return found.flat().filter(({ entry }) => !seen.has(entry) && seen.add(entry))
}

type Place = { readonly what: string; readonly url: URL }

const npmRegistry = async (): Promise<Place[]> => {
  const asked = await run('npm', ['config', 'get', 'registry'], {
    timeoutMs: lookupDeadlineMs,
    env: { HOME: '/root' },
  }).catch(() => null)
  const url = parseUrl(asked?.stdout.toString().trim() ?? '')
  return url === null ? [] : [{ what: 'npm registry', url }]
}

const debianMirrors = (): Place[] => {
  const directory = '/etc/apt/sources.list.d'
  const files = [
    '/etc/apt/sources.list',
    ...(existsSync(directory) ? readdirSync(directory).map((name) => join(directory, name)) : []),
  ]
  const words = files
    .filter((path) => existsSync(path))
    .flatMap((path) => readFileSync(path, 'utf8').split('\n'))
    .filter((line) => !line.startsWith('#'))
    .flatMap((line) => line.split(/\s+/))
  return words.flatMap((word) => {
    const url = word.startsWith('http') ? parseUrl(word) : null
    return url === null ? [] : [{ what: 'Debian mirror', url }]
  })
}

const entriesFor = async (what: string, url: URL): Promise<Detected[]> => {
  const addresses = isIPv4(url.hostname) ? [url.hostname] : await withDeadline(resolve4(url.hostname))
  const port = url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port)
  return addresses
    .filter((address) => closedRanges().check(address))
    .map((address) => ({ what, entry: `${address}/32:${port}` }))
}

const withDeadline = async (promise: Promise<string[]>): Promise<string[]> => {
  const late = new Promise<string[]>((resolve) => setTimeout(() => resolve([]), lookupDeadlineMs).unref())
  return Promise.race([promise.catch(() => []), late])
}

/** The special-purpose ranges a registry may plausibly sit in; loopback and link-local are never proposed. */
const closedRanges = (): BlockList => {
  const list = new BlockList()
  for (const [net, bits] of [
    ['10.0.0.0', 8],
    ['100.64.0.0', 10],
    ['172.16.0.0', 12],
    ['192.168.0.0', 16],
    ['192.0.2.0', 24],
    ['198.18.0.0', 15],
    ['198.51.100.0', 24],
    ['203.0.113.0', 24],
  ] as const)
    list.addSubnet(net, bits)
  return list
}

const parseUrl = (text: string): URL | null => (URL.canParse(text) ? new URL(text) : null)
