// The runner's half of the network wall (isolation.md §6): answers the job's DNS, ends its TCP connections and makes
// its own outside, as policy allows. Runs unprivileged, in the host's network namespace, on handles that the jailer
// bound in a namespace without uplink. Must never connect to an address it has not checked.
import { createSocket } from 'node:dgram'
import { connect as connectTcp, createServer, type Server, type Socket } from 'node:net'
import { networkInterfaces } from 'node:os'
import type { Clock } from '../../base/clock.ts'
import type { EgressPolicy, EgressRecord } from '../driver.ts'
import { createResponder, serveTcp, serveUdp } from './dns.ts'
import { createFakeAddresses } from './fake-addresses.ts'
import { createJudge } from './judge.ts'
import { ownAddressesMs } from './limits.ts'
import { createLink, type Link, type LinkLimits } from './link.ts'
import { createRecordBook } from './records.ts'
import { type RelayDeps, relay } from './relay.ts'
import type { Resolve } from './resolve.ts'

/** A NetHandle of the jailer as it arrives over IPC: a raw handle that `listen` or `bind` takes over. */
export type GatewayListener = {
  readonly port: number
  readonly proto: 'tcp' | 'udp'
  readonly handle: unknown
}

export type GatewayDeps = {
  /** TCP 53 and UDP 53 are DNS; everything else is relayed. */
  readonly listeners: readonly GatewayListener[]
  readonly resolve: Resolve
  readonly connect: RelayDeps['connect']
  /** Addresses of the host's own interfaces, read now. */
  readonly hostAddresses: () => readonly string[]
  readonly onRecord?: (record: EgressRecord) => void
  readonly clock: Clock
}

export type Admission = LinkLimits & {
  /** The NetLink's jobAddress: a job without raw sockets or CAP_NET_ADMIN cannot come from another. */
  readonly address: string
  /** The name its records carry. */
  readonly cell: string
  readonly policy: EgressPolicy
}

export interface Gateway {
  /**
   * From now on connections from `address` follow `policy`; from unknown addresses they are reset. Faults for a policy
   * that cannot be kept (E_CONFIG_INVALID, E_SANDBOX_UNAVAILABLE). `revoke` ends what is open.
   */
  admit(admission: Admission): { revoke(): void }
  addListener(listener: GatewayListener): void
  records(): readonly EgressRecord[]
  usage(): { readonly up: number; readonly down: number }
  /** Closes listeners and connections; idempotent. */
  close(): Promise<void>
}

export const createGateway = (deps: GatewayDeps): Gateway => {
  const links = new Map<string, { link: Link; end: AbortController }>()
  const closers: (() => Promise<void>)[] = []
  const book = createRecordBook()
  const used = { up: 0, down: 0 }
  const fakes = createFakeAddresses()
  const respond = createResponder({ fakes, resolve: deps.resolve, clock: deps.clock })
  const relayDeps = { ...deps, fakes, ownAddresses: createOwnAddresses(deps) }
  const linkOf = (peer: string | undefined) => links.get(peer ?? '')?.link ?? null

  const accept = (socket: Socket, port: number): void => {
    const link = linkOf(socket.remoteAddress)
    socket.on('error', () => undefined)
    if (link === null) {
      socket.resetAndDestroy()
      return
    }
    if (!link.enter()) {
      link.record(tooMany(socket, port, deps.clock.now()))
      socket.resetAndDestroy()
      return
    }
    socket.once('close', () => link.leave())
    if (port === 53) serveTcp(socket, respond, link)
    else void relay(relayDeps, socket, port, link)
  }
  const addListener = ({ port, proto, handle }: GatewayListener): void => {
    closers.push(
      proto === 'udp'
        ? openUdp(handle, (socket) => serveUdp(socket, respond, linkOf))
        : openTcp(handle, (socket) => accept(socket, port)),
    )
  }
  const admit = ({ address, cell, policy, ...limits }: Admission) => {
    const end = new AbortController()
    const record = (entry: Omit<EgressRecord, 'cell'>) => {
      book.add({ ...entry, cell })
      deps.onRecord?.({ ...entry, cell })
    }
    const parts = { cell, judge: createJudge(policy), signal: end.signal, record }
    links.get(address)?.end.abort()
    const entry = {
      link: createLink(parts, limits, (direction, bytes) => {
        used[direction] += bytes
      }),
      end,
    }
    links.set(address, entry)
    return {
      revoke: () => {
        end.abort()
        if (links.get(address) === entry) links.delete(address)
      },
    }
  }
  for (const listener of deps.listeners) addListener(listener)
  return {
    admit,
    addListener,
    records: () => book.all(),
    usage: () => ({ ...used }),
    close: async () => {
      for (const { end } of links.values()) end.abort()
      links.clear()
      await Promise.all(closers.splice(0).map((close) => close()))
    },
  }
}

const tooMany = (socket: Socket, port: number, now: number): Omit<EgressRecord, 'cell'> => ({
  at: new Date(now).toISOString(),
  proto: 'tcp',
  host: socket.localAddress ?? '',
  ip: null,
  port,
  verdict: 'denied',
  why: 'connections',
  up: 0,
  down: 0,
  ms: 0,
})

const openTcp = (handle: unknown, onConnection: (socket: Socket) => void): (() => Promise<void>) => {
  const server: Server = createServer(
    { allowHalfOpen: true, pauseOnConnect: true, noDelay: true },
    onConnection,
  )
  // SAFE: a listening handle of the binder (tests give options), which `listen` accepts besides its declared types.
  server.listen(handle as object)
  return () => new Promise((resolve) => server.close(() => resolve()))
}

const openUdp = (
  handle: unknown,
  onOpen: (socket: ReturnType<typeof createSocket>) => void,
): (() => Promise<void>) => {
  const socket = createSocket('udp4')
  // SAFE: as above, for `bind`.
  socket.bind(handle as object)
  onOpen(socket)
  return () => new Promise((resolve) => socket.close(() => resolve()))
}

/** Read at most once a minute: a job must not make us walk the interfaces for each of its connections. */
const createOwnAddresses = ({ hostAddresses, clock }: GatewayDeps): (() => ReadonlySet<string>) => {
  let readAt = Number.NEGATIVE_INFINITY
  let addresses: ReadonlySet<string> = new Set()
  return () => {
    if (clock.monotonicMs() - readAt >= ownAddressesMs) {
      addresses = new Set(hostAddresses())
      readAt = clock.monotonicMs()
    }
    return addresses
  }
}

/** The real `connect`: literal addresses only, so nothing is ever looked up behind the check. */
export const connectOutside: RelayDeps['connect'] = (address, port) =>
  connectTcp({
    host: address,
    port,
    allowHalfOpen: true,
    noDelay: true,
    lookup: (name, _options, callback) => callback(new Error(`not an address: ${name}`), ''),
  })

/** The real `hostAddresses`. */
export const readHostAddresses = (): readonly string[] =>
  Object.values(networkInterfaces()).flatMap((entries) => (entries ?? []).map((entry) => entry.address))
