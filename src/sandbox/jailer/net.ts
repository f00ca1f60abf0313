// The networks of all nests, root half (isolation.md §6.1, decision 0008): one gateway network namespace, made when a
// first nest wants a network, where main/binder.ts binds the listeners once; and for each nest a namespace of its own
// with one veth to it. The handles go on to the runner, whose gateway (egress/) owns every byte. Nothing here forwards
// a packet.
//
// The namespaces have no name: descriptors of ours and the processes inside hold them, so that they end with the jailer
// and there is nothing for a later one to sweep.

import { closeSync, fstatSync, openSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { fault } from '../../base/faults.ts'
import { type ChildProcess, spawn } from '../../sys/index.ts'
import { linksMax } from '../limits.ts'
import { type Address, createAddresses, resolverAddress } from './addresses.ts'
import { bindListeners, type NetHandle } from './bind.ts'
import type { GoneCheck } from './gone-check.ts'
import { type IpOrders, openIpOrders } from './ip-orders.ts'
import type { HeldNamespace } from './net-holders.ts'
import { type NetView, openNetView } from './net-view.ts'

/** A job's namespace and its link. `nsPath` is for `nsenter --net=`, valid until `close` and only in this process's life. */
export type NetLink = Address & HeldNamespace & { readonly nsPath: string; close(): void }

export interface GatewayNet {
  /** DNS and these ports, but for what was bound before: each handle is given once. The caller closes its copies. */
  listen(ports: readonly number[]): Promise<readonly NetHandle[]>
  /** Addresses nobody else has, with the orders that make the job's half of the link. */
  reserve(): Promise<Address>
  /** The other half, once `directory` is the /proc directory of a process in the job's namespace with its half. */
  join(address: Address, directory: string): Promise<NetLink>
  /** A namespace and its link, for a clean cell with a list of its own. */
  openLink(): Promise<NetLink>
  /** Takes the links away from both sides, and says whether they are. Idempotent: their numbers stay theirs. */
  cut(addresses: readonly Address[]): Promise<GoneCheck>
  /** The same, and gives their numbers back. Once for each: they may be somebody else's afterwards. */
  remove(addresses: readonly Address[]): Promise<GoneCheck>
  /** After the last link. A next use makes another gateway. */
  close(): Promise<void>
}

const setupMs = 10_000
const goneMs = 5_000
const askAgainMs = 1

type Namespace = HeldNamespace & { readonly path: string; close(): void }
type Gateway = Namespace & {
  readonly view: NetView
  /** Two, because removing waits for the kernel and nothing else should. */
  readonly adding: IpOrders
  readonly removing: IpOrders
  readonly bound: Set<number>
}

/** `binder` is how to start main/binder.ts: this Node and the path of the program. */
export const createGatewayNet = (
  binder: readonly [file: string, ...args: string[]],
  linksAtOnce = linksMax,
): GatewayNet => {
  const addresses = createAddresses(linksAtOnce)
  let opening: Promise<Gateway> | null = null
  let binding: Promise<unknown> = Promise.resolve()
  const gateway = (): Promise<Gateway> => {
    opening ??= openGateway().catch((error) => {
      opening = null
      throw error
    })
    return opening
  }
  const bindMissing = async (ports: readonly number[]) => {
    const { path, bound } = await gateway()
    const dnsAddress = bound.size === 0 ? resolverAddress : null
    const missing = [...new Set(ports)].filter((port) => !bound.has(port))
    if (missing.length === 0) return []
    const handles = await bindListeners(binder, path, { dnsAddress, ports: missing })
    for (const { port } of handles) bound.add(port)
    return handles
  }
  const listen: GatewayNet['listen'] = (ports) => {
    const handles = binding.then(() => bindMissing(ports))
    binding = handles.catch(() => undefined)
    return handles
  }
  const reserve = async () => addresses.take((await gateway()).path)
  const join: GatewayNet['join'] = async (address, directory) => {
    const namespace = namespaceOf(directory)
    try {
      await joinGateway(await gateway(), address)
      return { ...address, ...namespace, nsPath: namespace.path }
    } catch (error) {
      namespace.close()
      throw error
    }
  }
  const cut: GatewayNet['cut'] = async (links) =>
    opening === null ? noneLeft([]) : removeLinks(await opening, links)
  const remove: GatewayNet['remove'] = async (links) => {
    const check = await cut(links)
    if (check.ok) for (const { index } of links) addresses.give(index)
    return check
  }
  const openLink = async (): Promise<NetLink> => {
    const address = await reserve()
    try {
      return await openNamespace(linkScript, [address.orders], (directory) => join(address, directory))
    } catch (error) {
      await remove([address])
      throw error
    }
  }
  const close = async () => {
    const opened = await opening?.catch(() => undefined)
    opening = null
    if (opened === undefined) return
    const { adding, removing, view } = opened
    await Promise.all([adding.close(), removing.close()])
    view.close()
    opened.close()
  }
  return { listen, reserve, join, openLink, cut, remove, close }
}

const openGateway = async (): Promise<Gateway> => {
  const opened = await openNamespace(gatewayScript, [], async (directory) => ({
    ...namespaceOf(directory),
    view: openNetView(directory),
  }))
  const orders = () => openIpOrders(opened.path)
  return { ...opened, adding: orders(), removing: orders(), bound: new Set() }
}

const joinGateway = async ({ adding }: Gateway, { device, gatewayAddress }: Address): Promise<void> => {
  const said = await adding.ask([
    `addr add ${gatewayAddress}/30 dev ${device}`,
    `link set ${device} up`,
    `link show dev ${device}`,
  ])
  if (said.includes('Command failed') || !/<[^>]*\bUP\b/.test(said))
    throw fault('E_SANDBOX_UNAVAILABLE', { detail: `the gateway has no ${device}: ${said.slice(0, 500)}` })
}

/** Both halves end with one. The answer is not waited for: it comes long after the device has gone. */
const removeLinks = async ({ view, removing }: Gateway, links: readonly Address[]): Promise<GoneCheck> => {
  const names = new Set(links.map(({ device }) => device))
  const present = () => view.links().filter((name) => names.has(name))
  if (present().length > 0) removing.removeLinks(present())
  const deadline = performance.now() + goneMs
  while (present().length > 0 && performance.now() < deadline) await sleep(askAgainMs)
  return noneLeft(present())
}

const noneLeft = (left: readonly string[]): GoneCheck => ({
  check: 'gateway namespace has no link of it',
  ok: left.length === 0,
  detail: left.slice(0, 5).join('; '),
})

// The gateway owns every IPv4 address there is (AnyIP), forwards nothing, answers no ping and has no IPv6. Strict
// reverse paths: what comes in by a link with any source but that link's own is dropped, as an address of ours or as one
// that lies behind another link. `default` as well, which a host may have set to something weaker for devices to
// come. Without the kernel's rate limit every datagram is refused at once: QUIC clients turn to TCP.
const gatewayScript = `
cd /proc/sys/net
echo 0 > ipv4/ip_forward
echo 1 > ipv4/icmp_echo_ignore_all
echo 0 > ipv4/icmp_ratelimit
for which in all default; do
  echo 1 > ipv4/conf/$which/rp_filter
  for off in accept_local proxy_arp route_localnet accept_source_route send_redirects bc_forwarding; do
    echo 0 > ipv4/conf/$which/$off
  done
  echo 1 > ipv6/conf/$which/disable_ipv6
done
printf '%s\\n' 'link set lo up' 'route add local 0.0.0.0/0 dev lo' | ip -batch -
`

const linkScript = `
echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6
echo 0 > /proc/sys/net/ipv4/ip_unprivileged_port_start
printf '%s\\n' "$1" | ip -batch -
`

/** Runs the script in a new network namespace and keeps what `keep` takes from a process inside. */
const openNamespace = async <T>(
  script: string,
  args: readonly string[],
  keep: (directory: string) => Promise<T>,
): Promise<T> => {
  const shell = `set -e\n${script}\necho ready\nread -r _ || :`
  // SAFE: constant script; its one parameter is a text of our own making.
  const child = spawn('unshare', ['--net', '--', '/bin/sh', '-c', shell, 'sh', ...args], {
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  const gone = new Promise<void>((resolve) => child.once('close', () => resolve()))
  try {
    await readyLine(child)
    // SAFE: our own child, alive because it waits for its stdin.
    return await keep(`/proc/${child.pid}`)
  } finally {
    child.stdin?.end()
    await gone
  }
}

/** Closed once, however often asked: the number may be another file's by then. */
const namespaceOf = (directory: string): Namespace => {
  const fd = openSync(`${directory}/ns/net`, 'r')
  let isOpen = true
  const close = () => {
    if (isOpen) closeSync(fd)
    isOpen = false
  }
  return { path: `/proc/${process.pid}/fd/${fd}`, fd, inode: fstatSync(fd).ino, close }
}

const readyLine = (child: ChildProcess): Promise<void> =>
  new Promise((resolve, reject) => {
    let errors = ''
    const timer = setTimeout(() => child.kill('SIGKILL'), setupMs)
    child.stdin?.on('error', () => undefined)
    child.stderr?.on('data', (chunk: Buffer) => {
      errors = `${errors}${chunk}`.slice(0, 4096)
    })
    child.stdout?.once('data', () => {
      clearTimeout(timer)
      resolve()
    })
    child.once('error', reject)
    child.once('close', () => {
      clearTimeout(timer)
      reject(fault('E_SANDBOX_UNAVAILABLE', { detail: `no network namespace: ${errors}` }))
    })
  })
