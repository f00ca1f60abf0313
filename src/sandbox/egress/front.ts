// Where all jobs of a runner arrive: the listeners that the jailer bound once in the gateway's namespace (decision 0008).
// Whose a connection or a question is, its source address says, which the kernel has checked; it goes on to the gateway
// of that job. The queues of the listeners are shared: whoever floods them is told on, and loses his network.
import { createSocket } from 'node:dgram'
import { createServer, type Server, type Socket } from 'node:net'
import type { Clock } from '../../base/clock.ts'
import { type Responder, serveTcp, serveUdp } from './dns.ts'
import { arrivalsPerSecondMax, connectionsAtFirst, connectionsPerSecond } from './limits.ts'
import type { Link } from './link.ts'
import { createRate } from './rate.ts'

/** A handle of the jailer's as it arrives over IPC: `listen` or `bind` takes it over. */
export type GatewayListener = {
  readonly port: number
  readonly proto: 'tcp' | 'udp'
  readonly handle: unknown
}

/** Who is behind one address. */
export type Guest = {
  readonly link: Link
  readonly respond: Responder
  accept(socket: Socket, port: number): void
  /** Called once; nothing of this guest is served any more. */
  onFlood(): void
}

export interface Front {
  /** TCP 53 and UDP 53 are DNS; everything else goes to `accept`. */
  addListener(listener: GatewayListener): void
  /** From now on what comes from `address` is this guest's; from unknown addresses it is reset. */
  admit(address: string, guest: Guest): { leave(): void }
  /** Closes the listeners; idempotent. */
  close(): Promise<void>
}

type Entry = {
  readonly guest: Guest
  readonly mayConnect: () => boolean
  second: number
  arrivals: number
}

export const createFront = (clock: Clock): Front => {
  const entries = new Map<string, Entry>()
  const closers: (() => Promise<void>)[] = []
  /** Counts one arrival. */
  const entryAt = (peer: string | undefined): Entry | null => {
    const entry = entries.get(peer ?? '')
    return entry === undefined || isFlood(entry, clock) ? null : entry
  }
  const guestAt = (peer: string) => entryAt(peer)?.guest ?? null
  const accept = (socket: Socket, port: number): void => {
    const entry = entryAt(socket.remoteAddress)
    socket.on('error', () => undefined)
    if (entry === null) return void socket.resetAndDestroy()
    const { guest } = entry
    if (!entry.mayConnect() || !guest.link.enter()) {
      guest.link.refuse(socket.localAddress ?? '', port)
      return void socket.resetAndDestroy()
    }
    socket.once('close', () => guest.link.leave())
    if (port === 53) serveTcp(socket, guest.respond, guest.link)
    else guest.accept(socket, port)
  }
  return {
    addListener: ({ port, proto, handle }) =>
      void closers.push(
        proto === 'udp' ? openUdp(handle, guestAt) : openTcp(handle, (socket) => accept(socket, port)),
      ),
    admit: (address, guest) => {
      const rate = { perSecond: connectionsPerSecond, atFirst: connectionsAtFirst }
      const entry = { guest, mayConnect: createRate(rate, clock), second: 0, arrivals: 0 }
      entries.set(address, entry)
      return {
        leave: () => {
          if (entries.get(address) === entry) entries.delete(address)
        },
      }
    },
    close: async () => {
      entries.clear()
      await Promise.all(closers.splice(0).map((close) => close()))
    },
  }
}

/** From then on every arrival is one more. */
const isFlood = (entry: Entry, clock: Clock): boolean => {
  if (entry.arrivals > arrivalsPerSecondMax) return true
  const second = Math.floor(clock.monotonicMs() / 1000)
  entry.arrivals = second === entry.second ? entry.arrivals + 1 : 1
  entry.second = second
  if (entry.arrivals <= arrivalsPerSecondMax) return false
  entry.guest.onFlood()
  return true
}

const openTcp = (handle: unknown, onConnection: (socket: Socket) => void): (() => Promise<void>) => {
  const server: Server = createServer(
    { allowHalfOpen: true, pauseOnConnect: true, noDelay: true },
    onConnection,
  )
  // SAFE: a listening handle of the binder (tests give options), which `listen` accepts besides its declared types.
  server.listen(handle as object)
  return () => new Promise((resolve) => server.close(() => resolve()))
}

const openUdp = (handle: unknown, guestAt: (peer: string) => Guest | null): (() => Promise<void>) => {
  const socket = createSocket('udp4')
  // SAFE: as above, for `bind`.
  socket.bind(handle as object)
  serveUdp(socket, guestAt)
  return () => new Promise((resolve) => socket.close(() => resolve()))
}
