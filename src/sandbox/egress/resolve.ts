// Names to addresses, as the host sees them: its hosts file first, then its DNS servers, without the search domains
// and without the thread pool that getaddrinfo would take from everybody else in this process.
import { Resolver } from 'node:dns/promises'
import { readFile } from 'node:fs/promises'
import { isIP } from 'node:net'

export type Resolve = (name: string, signal: AbortSignal) => Promise<readonly string[]>

/** All addresses of a name, IPv4 first. Rejects when there is none. */
export const createHostResolver =
  (hostsFile = '/etc/hosts'): Resolve =>
  async (name, signal) => {
    signal.throwIfAborted()
    const known = await fromHostsFile(hostsFile, name)
    if (known.length > 0) return known
    const resolver = new Resolver({ timeout: 3_000, tries: 2 })
    const cancel = () => resolver.cancel()
    signal.addEventListener('abort', cancel)
    try {
      const [v4, v6] = await Promise.allSettled([resolver.resolve4(name), resolver.resolve6(name)])
      const found = [v4, v6].flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []))
      if (found.length === 0 && v4.status === 'rejected') throw v4.reason
      return found
    } finally {
      signal.removeEventListener('abort', cancel)
    }
  }

const fromHostsFile = async (path: string, name: string): Promise<readonly string[]> => {
  const text = await readFile(path, 'utf8').catch(() => '')
  return text
    .split('\n')
    .map((line) => line.replace(/#.*/, '').trim().toLowerCase().split(/\s+/))
    .filter(([address = '', ...names]) => isIP(address) !== 0 && names.includes(name))
    .map(([address = '']) => address)
}
