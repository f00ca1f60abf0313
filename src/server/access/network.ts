// Whom an address counts as: IPv4 addresses one by one, IPv6 by their /64, which is what one customer of one provider
// has at the least. A mapped address (`::ffff:192.0.2.1`) is the IPv4 address it means. Some proxies write the port of the client
// behind it, which is another one with each connection: it counts for nothing.

export const networkOf = (address: string | undefined): string => {
  // Node's word for a peer that left before anybody asked where it was.
  if (address === undefined) return 'gone'
  const [, bracketed] = /^\[([^\]]*)\](?::\d+)?$/.exec(address) ?? []
  const bare = bracketed ?? address
  const [, ipv4] = /^(?:::ffff:)?(\d+\.\d+\.\d+\.\d+)(?::\d+)?$/i.exec(bare) ?? []
  if (ipv4 !== undefined) return ipv4
  if (!bare.includes(':')) return bare
  const [before = '', after] = bare.split('%', 1)[0]?.split('::') ?? []
  const head = before === '' ? [] : before.split(':')
  const tail = after === undefined || after === '' ? [] : after.split(':')
  const zeros = after === undefined ? 0 : 8 - head.length - tail.length
  const groups = [...head, ...Array(Math.max(0, zeros)).fill('0'), ...tail]
  const prefix = groups.slice(0, 4).map((group) => Number.parseInt(group, 16).toString(16))
  return `${prefix.join(':')}::/64`
}
