// One WebSocket per tab: text messages are JSON, log frames are binary (protocol/live.ts). What a browser sends is
// hostile: small, few, and of known shapes. A reader that does not keep up is closed and resumes by its cursors.
import type { WebSocket } from 'ws'
import * as z from 'zod'
import { encodeFollowerFrame } from '../../protocol/live.ts'
import type { Actor } from '../access/actor.ts'
import type { Outgoing, Send } from './follow.ts'
import { limits } from './limits.ts'
import { createReader, type EndReason, type Reader, type ReaderDeps, TooSlow } from './reader.ts'

const topic = z.string().max(64)
const clientMessage = z.discriminatedUnion('t', [
  z.strictObject({
    t: z.literal('sub'),
    topic,
    cursor: z
      .number()
      .int()
      .min(0)
      .max(2 ** 31 - 1),
    codec: z.literal('zstd').optional(),
  }),
  z.strictObject({ t: z.literal('unsub'), topic }),
  z.strictObject({ t: z.literal('ping') }),
])

/** 4000–4999 are the application's own. A client comes back after all but 4401. */
const closeCodes: Readonly<Record<EndReason, number>> = {
  'signed-out': 4401,
  'too-slow': 4408,
  misuse: 1008,
  broken: 1011,
}

export const serveSocket = (deps: ReaderDeps, socket: WebSocket, actor: Actor): void => {
  const end = (reason: EndReason) => {
    socket.close(closeCodes[reason], reason)
    // Who does not read does not see the close frame either.
    setTimeout(() => socket.terminate(), limits.goodbyeMs).unref()
  }
  const send = createSend(socket, deps.pace.stalledMs)
  const reader = createReader(deps, { actor, send, end })
  const incoming = { left: limits.clientMessagesPerBeat }
  const beat = startBeat(socket, deps.pace.beatMs, async () => {
    incoming.left = limits.clientMessagesPerBeat
    await reader.check()
  })
  socket.on('message', (data, isBinary) => {
    const message = isBinary || incoming.left-- <= 0 ? null : parse(String(data))
    if (message === null) end('misuse')
    else obey(reader, send, message)
  })
  socket.on('error', () => socket.terminate())
  socket.on('close', () => {
    clearInterval(beat)
    reader.close()
  })
}

const parse = (text: string): z.infer<typeof clientMessage> | null => {
  try {
    return clientMessage.safeParse(JSON.parse(text)).data ?? null
  } catch {
    return null
  }
}

const obey = (reader: Reader, send: Send, message: z.infer<typeof clientMessage>): void => {
  if (message.t === 'sub') reader.subscribe(message.topic, { cursor: message.cursor, codec: message.codec })
  else if (message.t === 'unsub') reader.unsubscribe(message.topic)
  else void send({ t: 'pong' }).catch(() => undefined)
}

/** Up to the budget a message is taken at once; above it, the sender waits until everything before has left. */
const createSend =
  (socket: WebSocket, stalledMs: number): Send =>
  (outgoing) => {
    const left = write(socket, outgoing)
    return socket.bufferedAmount <= limits.bufferedBytes ? Promise.resolve() : within(left, stalledMs)
  }

const write = (socket: WebSocket, outgoing: Outgoing): Promise<void> => {
  const data = outgoing.t === 'frame' ? encodeFollowerFrame(outgoing.frame) : JSON.stringify(outgoing)
  // A socket that closes meanwhile calls back with an error: nobody needs to wait for it.
  return new Promise((resolve) => socket.send(data, () => resolve()))
}

const within = (left: Promise<void>, stalledMs: number): Promise<void> =>
  new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new TooSlow()), stalledMs)
    left.then(() => {
      clearTimeout(timer)
      resolve()
    })
  })

/** A socket that did not answer the last ping is gone, whatever TCP believes. */
const startBeat = (socket: WebSocket, beatMs: number, atEach: () => Promise<void>): NodeJS.Timeout => {
  let isAlive = true
  socket.on('pong', () => {
    isAlive = true
  })
  return setInterval(() => {
    if (!isAlive) return socket.terminate()
    isAlive = false
    socket.ping()
    // The database is away: the next beat looks again, and nothing new is let in meanwhile.
    atEach().catch(() => undefined)
  }, beatMs)
}
