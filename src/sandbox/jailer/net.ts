// The network of one nest, root half (isolation.md §6.1): two network namespaces joined by a veth, listeners bound
// in the gateway's one by main/binder.ts, and the questions asked afterwards. The jailer calls it; the handles go on
// to the runner, whose gateway (egress/gateway.ts) owns every byte. Nothing here forwards a packet.
//
// The namespaces have no name and no process: the jailer's descriptors hold them, so that they end with the jailer
// and there is nothing for a later one to sweep.

import { closeSync, fstatSync, openSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { fault } from '../../base/faults.ts'
import { type ChildProcess, spawn } from '../../sys/index.ts'
import { createSurveyor, type Survey } from './gone.ts'
import type { GoneCheck } from './gone-check.ts'
import { findNamespaceHolders, type HeldNamespace } from './net-holders.ts'
import { type NetView, openNetView } from './net-view.ts'

/** A raw libuv handle, never read here: the jailer only sends it on (`child.send(message, handle)`). */
export type NetHandle = {
  readonly port: number
  readonly proto: 'tcp' | 'udp'
  readonly handle: RawHandle
}
export type RawHandle = { close(): void }

/** One job namespace with its /30. `nsPath` is for `nsenter --net=`, valid until `close` and only in this process's life. */
export interface NetLink {
  readonly index: number
  readonly nsPath: string
  /** The address connections of this link come from: the key of the gateway's policies. */
  readonly jobAddress: string
  readonly gatewayAddress: string
}

export interface NestNet {
  readonly nestId: string
  readonly link: NetLink
  /** DNS (UDP and TCP 53 of `resolverAddress`) and the ports asked for. The caller closes its copies once sent. */
  readonly listeners: readonly NetHandle[]
  /** Binds further TCP ports (a policy that names others than the pooled ones). */
  listen(ports: readonly number[]): Promise<readonly NetHandle[]>
  /** Another job namespace on the same gateway, for a clean cell with a list of its own. */
  addLink(): Promise<ClosableLink>
  /** Idempotent. The answers become `gone` entries of the receipt. Close the runner's listeners first. */
  close(): Promise<readonly GoneCheck[]>
}
export type ClosableLink = NetLink & { close(): void }

export type NestNetOptions = {
  readonly nestId: string
  readonly ports: readonly number[]
  /** How to start main/binder.ts: this Node and the path of the program. */
  readonly binder: readonly [file: string, ...args: string[]]
  /** Shared by all nests, so that those which end together read /proc once. */
  readonly survey?: () => Promise<Survey>
}

/** What every job finds in its resolv.conf, whatever its link: all addresses end in the gateway. */
export const resolverAddress = '10.255.255.1'
/** Ports of the `open` mode: pooled networks have these. */
export const openPorts: readonly number[] = [22, 80, 443, 8080, 8443, 9418]

const linksMax = 100
const indexes = 250
const portsMax = 64
const setupMs = 10_000
/** The kernel takes namespaces apart one after the other, some milliseconds after their last holder. */
const goneMs = 5_000
const askAgainMs = 2

export const openNestNet = async (options: NestNetOptions): Promise<NestNet> => {
  const survey = options.survey ?? createSurveyor()
  const gateway = await openNamespace(gatewayScript, [], (directory) => ({
    ...namespaceOf(directory),
    view: openNetView(directory),
  }))
  const links = new Set<OpenLink>()
  const handles: NetHandle[] = []
  let nextIndex = -1
  let closing: Promise<readonly GoneCheck[]> | null = null
  const refuseLate = (undo: () => void) => {
    if (closing === null) return
    undo()
    throw fault('E_SANDBOX_UNAVAILABLE', { detail: 'the network was closed meanwhile' })
  }
  const addLink = async (): Promise<ClosableLink> => {
    if (links.size >= linksMax)
      throw fault('E_SANDBOX_UNAVAILABLE', { detail: 'too many links on one gateway' })
    const used = new Set([...links].map((link) => link.index))
    // Round and round, not the lowest free one: the kernel removes the interface of a closed link a little later.
    do nextIndex = (nextIndex + 1) % indexes
    while (used.has(nextIndex))
    const opened = await openLink(gateway.path, nextIndex)
    refuseLate(opened.close)
    const link: OpenLink = { ...opened, close: () => void (links.delete(link) && opened.close()) }
    links.add(link)
    return link
  }
  const bindMore = async (ports: readonly number[], dnsAddress: string | null) => {
    const bound = await bind(options.binder, gateway.path, { dnsAddress, ports })
    refuseLate(() => closeAll(bound.map(({ handle }) => handle)))
    handles.push(...bound)
    return bound
  }
  const closeOnce = () => {
    closeAll(handles.map(({ handle }) => handle))
    closing ??= closeProven(gateway, [...links], survey)
    return closing
  }
  try {
    const [link] = await Promise.all([addLink(), bindMore(options.ports, resolverAddress)])
    return {
      nestId: options.nestId,
      link,
      listeners: [...handles],
      listen: (ports) => bindMore(ports, null),
      addLink,
      close: closeOnce,
    }
  } catch (error) {
    await closeOnce()
    throw error
  }
}

/**
 * Who holds the namespaces is asked while we hold them: an inode number that is free belongs to a stranger at once. The
 * jobs' ends of the links go first; that they vanish from the gateway says that their namespaces have ended.
 */
const closeProven = async (
  gateway: Gateway,
  links: readonly OpenLink[],
  survey: () => Promise<Survey>,
): Promise<readonly GoneCheck[]> => {
  const deadline = performance.now() + goneMs
  try {
    const held = await askUntil(deadline, async () =>
      findNamespaceHolders([gateway, ...links], await survey()),
    )
    closeAll(links)
    return [await askUntil(deadline, async () => lookInside(gateway.view)), held]
  } finally {
    closeAll([...links, gateway.view, gateway])
  }
}

const askUntil = async (deadline: number, ask: () => Promise<GoneCheck>): Promise<GoneCheck> => {
  for (;;) {
    const answer = await ask()
    if (answer.ok || performance.now() > deadline) return answer
    await sleep(askAgainMs)
  }
}

const lookInside = (view: NetView): GoneCheck => {
  const left = view.leftovers()
  return {
    check: 'gateway namespace has no link and no socket',
    ok: left.length === 0,
    detail: left.join('; ').slice(0, 500),
  }
}

const closeAll = (things: readonly { close(): void }[]): void => {
  for (const thing of things) thing.close()
}

// The gateway owns every IPv4 address there is (AnyIP), forwards nothing, answers no ping and has no IPv6. Strict
// reverse paths: with the route above any source but the link's own is an address of ours, and is dropped. Without
// the kernel's rate limit every datagram is refused at once: QUIC clients turn to TCP instead of waiting.
const gatewayScript = `
cd /proc/sys/net
echo 0 > ipv4/ip_forward
echo 1 > ipv4/icmp_echo_ignore_all
echo 0 > ipv4/icmp_ratelimit
echo 1 > ipv4/conf/all/rp_filter
echo 1 > ipv6/conf/all/disable_ipv6
printf '%s\\n' 'link set lo up' 'route add local 0.0.0.0/0 dev lo' | ip -batch -
`

// $1 is the gateway's namespace, $2 the number of the link. IPv6 stays on lo: "localhost" is ::1 first for many.
const linkScript = `
cd /proc/sys/net
echo 1 > ipv6/conf/default/disable_ipv6
echo 0 > ipv4/ip_unprivileged_port_start
printf '%s\\n' 'link set lo up' "link add eth0 type veth peer name g$2 netns $1" \
  "addr add 10.255.$2.2/30 dev eth0" 'link set eth0 up' | ip -batch -
printf '%s\\n' "addr add 10.255.$2.1/30 dev g$2" "link set g$2 up" | nsenter --net="$1" ip -batch -
ip route add default via "10.255.$2.1"
`

type Namespace = HeldNamespace & { readonly path: string; close(): void }
type Gateway = Namespace & { readonly view: NetView }
type OpenLink = ClosableLink & HeldNamespace

/** Runs the script in a new network namespace and keeps what `keep` takes from a process inside. */
const openNamespace = async <T>(
  script: string,
  args: readonly string[],
  keep: (directory: string) => T,
): Promise<T> => {
  const shell = `set -e\n${script}\necho ready\nread -r _ || :`
  const child = spawn('unshare', ['--net', '--', '/bin/sh', '-c', shell, 'sh', ...args], {
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  try {
    await readyLine(child)
    // SAFE: our own child, alive because it waits for its stdin.
    return keep(`/proc/${child.pid}`)
  } finally {
    child.stdin?.end()
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

const openLink = async (gatewayPath: string, index: number): Promise<OpenLink> => {
  const { path, ...namespace } = await openNamespace(linkScript, [gatewayPath, String(index)], namespaceOf)
  return {
    ...namespace,
    index,
    nsPath: path,
    jobAddress: `10.255.${index}.2`,
    gatewayAddress: `10.255.${index}.1`,
  }
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

type BinderOrder = { readonly dnsAddress: string | null; readonly ports: readonly number[] }
type BinderAnswer = {
  readonly proto?: 'tcp' | 'udp'
  readonly port?: number
  readonly done?: true
  readonly failed?: string
}

const bind = (
  [file, ...args]: readonly [string, ...string[]],
  gatewayPath: string,
  order: BinderOrder,
): Promise<readonly NetHandle[]> =>
  new Promise((resolve, reject) => {
    if (order.ports.length > portsMax)
      return reject(fault('E_SANDBOX_UNAVAILABLE', { detail: 'too many ports in one policy' }))
    const bound: NetHandle[] = []
    const child = spawn('nsenter', [`--net=${gatewayPath}`, '--', file, ...args], {
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    })
    let errors = ''
    child.stderr?.on('data', (chunk: Buffer) => {
      errors = `${errors}${chunk}`.slice(0, 4096)
    })
    const timer = setTimeout(() => child.kill('SIGKILL'), setupMs)
    let isDone = false
    const fail = (why: string) => {
      if (isDone) return
      for (const { handle } of bound) handle.close()
      reject(fault('E_SANDBOX_UNAVAILABLE', { detail: `the listeners could not be bound: ${why}` }))
    }
    child.on('message', (answer: BinderAnswer, handle: unknown) => {
      if (answer.proto !== undefined && answer.port !== undefined)
        // SAFE: sent by our own program, which sends nothing but libuv handles.
        bound.push({ proto: answer.proto, port: answer.port, handle: handle as RawHandle })
      if (answer.done) {
        isDone = true
        resolve(bound)
      }
      if (answer.failed !== undefined) errors += answer.failed
      if (answer.done || answer.failed !== undefined) child.disconnect()
    })
    child.once('error', (error) => fail(String(error)))
    child.once('exit', () => {
      clearTimeout(timer)
      fail(errors)
    })
    child.send(order)
  })
