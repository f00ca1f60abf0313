// Answers the job's questions for names (isolation.md §6.2). A listed name gets a fake address, an unlisted one does
// not exist, and nobody else is asked about it: a tunnel through names has no far end.
import type { Socket as UdpSocket } from 'node:dgram'
import type { Socket } from 'node:net'
import type { Clock } from '../../base/clock.ts'
import {
  emptyTypes,
  encodeRefusal,
  encodeReply,
  parseQuery,
  type Query,
  type Rcode,
  rcode,
  typeA,
} from './dns-message.ts'
import type { FakeAddresses } from './fake-addresses.ts'
import { dnsAtOnceMax, dnsMessageMax, dnsPerSecond, dnsTcpIdleMs, resolveMs } from './limits.ts'
import type { Link } from './link.ts'
import { createRate } from './rate.ts'
import type { Resolve } from './resolve.ts'

export type DnsDeps = { readonly fakes: FakeAddresses; readonly resolve: Resolve; readonly clock: Clock }

/** The answer to one message, or null for none. One responder per gateway: the rate is counted across its links. */
export type Responder = (message: Uint8Array, link: Link) => Promise<Uint8Array | null>

export const createResponder = (deps: DnsDeps): Responder => {
  const mayAnswer = createRate({ perSecond: dnsPerSecond, atFirst: dnsPerSecond }, deps.clock)
  let atOnce = 0
  return async (message, link) => {
    if (!mayAnswer() || atOnce >= dnsAtOnceMax) return null
    const parsed = parseQuery(message)
    if (parsed.kind === 'drop') return null
    if (parsed.kind === 'refuse') return encodeRefusal(parsed.id, parsed.rcode)
    atOnce++
    try {
      return encodeReply(parsed.query, await answer(deps, parsed.query, link))
    } finally {
      atOnce--
    }
  }
}

type Answer = { rcode: Rcode; address?: string }

const answer = async (deps: DnsDeps, { name, type }: Query, link: Link): Promise<Answer> => {
  if (name === null || !link.judge.knowsName(name)) return refuse(deps, name ?? '(not a host name)', link)
  if (emptyTypes.includes(type)) return { rcode: rcode.ok }
  if (type !== typeA) return { rcode: rcode.refused }
  const found = link.judge.resolvesFirst ? await lookUp(deps, name, link) : rcode.ok
  if (found !== rcode.ok) return { rcode: found }
  const address = deps.fakes.addressOf(name)
  return address === null ? { rcode: rcode.refused } : { rcode: rcode.ok, address }
}

const refuse = ({ clock }: DnsDeps, host: string, link: Link): Answer => {
  const at = new Date(clock.now()).toISOString()
  link.record({
    at,
    proto: 'dns',
    host,
    ip: null,
    port: 53,
    verdict: 'denied',
    why: 'unlisted',
    up: 0,
    down: 0,
    ms: 0,
  })
  return { rcode: rcode.name }
}

/** Does the name exist outside? Its addresses are forgotten: the connection asks again and checks what it gets. */
const lookUp = async (deps: DnsDeps, name: string, link: Link): Promise<Rcode> => {
  try {
    const signal = AbortSignal.any([link.signal, AbortSignal.timeout(resolveMs)])
    return (await deps.resolve(name, signal)).length > 0 ? rcode.ok : rcode.name
  } catch (error) {
    const code = (error as { code?: unknown }).code
    return code === 'ENOTFOUND' || code === 'ENODATA' ? rcode.name : rcode.server
  }
}

type Asker = { readonly link: Link; readonly respond: Responder }

export const serveUdp = (socket: UdpSocket, askerAt: (peer: string) => Asker | null): void => {
  // A send that fails concerns a job that is gone.
  socket.on('error', () => undefined)
  socket.on('message', async (message, peer) => {
    const asker = askerAt(peer.address)
    if (asker === null) return
    const reply = await asker.respond(message, asker.link)
    if (reply !== null && !asker.link.signal.aborted)
      socket.send(reply, peer.port, peer.address, () => undefined)
  })
}

/** Messages with a two-byte length, one after the other (RFC 7766). */
export const serveTcp = (socket: Socket, respond: Responder, link: Link): void => {
  let waiting = Buffer.alloc(0)
  const close = () => socket.destroy()
  link.signal.addEventListener('abort', close)
  socket.setTimeout(dnsTcpIdleMs, close)
  socket.on('error', close)
  socket.on('close', () => link.signal.removeEventListener('abort', close))
  socket.on('end', () => socket.end())
  socket.on('data', async (chunk) => {
    waiting = Buffer.concat([waiting, chunk])
    socket.pause()
    while (waiting.length >= 2) {
      const length = waiting.readUInt16BE(0)
      if (length > dnsMessageMax) return close()
      if (waiting.length < 2 + length) break
      const message = waiting.subarray(2, 2 + length)
      waiting = waiting.subarray(2 + length)
      const reply = await respond(message, link)
      if (reply === null) return close()
      const bytes = Buffer.concat([Buffer.from([reply.length >> 8, reply.length & 0xff]), reply])
      // Who asks on and reads no answer waits, or would fill our memory.
      if (!socket.write(bytes)) await drained(socket)
    }
    socket.resume()
  })
  socket.resume()
}

/** Also when it is closed. */
const drained = (socket: Socket): Promise<void> =>
  new Promise((resolve) => {
    const settle = () => {
      for (const event of ['drain', 'close']) socket.off(event, settle)
      resolve()
    }
    for (const event of ['drain', 'close']) socket.on(event, settle)
  })
