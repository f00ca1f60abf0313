// Which addresses the link of a job has: a /30 of its own, so that nothing but the gateway is ever on it. Numbers go round
// and round, because connections of the last one who had an address may still be on their way out.
import { fault } from '../../base/faults.ts'

export type Address = {
  readonly index: number
  /** The gateway's end of the link. No other ever has this name: a long-lived `ip` remembers what a name stood for. */
  readonly device: string
  /** The address connections of this link come from: the key of the gateway's policies. */
  readonly jobAddress: string
  readonly gatewayAddress: string
  /** For `ip -batch` in the job's namespace. IPv6 stays on lo: "localhost" is ::1 first for many. */
  readonly orders: string
}

/** What every job finds in its resolv.conf, whatever its link: all addresses end in the gateway. */
export const resolverAddress = '10.255.255.1'
/** So many in 10.255.0.0/16, then in 10.254.0.0/16 and so on. */
const perBlock = 250

export const createAddresses = (linksMax: number) => {
  const taken = new Set<number>()
  let next = -1
  let serial = 0
  const take = (gatewayPath: string): Address => {
    if (taken.size >= linksMax) throw fault('E_SANDBOX_UNAVAILABLE', { detail: 'too many job networks' })
    do next = (next + 1) % linksMax
    while (taken.has(next))
    taken.add(next)
    return addressOf(next, `g${serial++}`, gatewayPath)
  }
  return { take, give: (index: number) => void taken.delete(index) }
}

export const addressOf = (index: number, device: string, gatewayPath: string): Address => {
  const network = `10.${255 - Math.floor(index / perBlock)}.${index % perBlock}`
  const orders = [
    'link set lo up',
    `link add eth0 type veth peer name ${device} netns ${gatewayPath}`,
    `addr add ${network}.2/30 dev eth0`,
    'link set eth0 up',
    `route add default via ${network}.1`,
  ]
  return {
    ...{ index, device, jobAddress: `${network}.2`, gatewayAddress: `${network}.1` },
    orders: orders.join('\n'),
  }
}
