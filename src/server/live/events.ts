// GET /events?topic=…: one topic as server-sent events, for tools. The same messages as the WebSocket; a frame is event
// `frame` with its bytes in base64. The event id is the cursor, so `Last-Event-ID` resumes.
import { once } from 'node:events'
import { PassThrough } from 'node:stream'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import * as z from 'zod'
import { toBase64 } from '../../base/bytes.ts'
import { fault } from '../../base/faults.ts'
import { encodeFollowerFrame } from '../../protocol/live.ts'
import { type Actor, mayUse, type Scope } from '../access/actor.ts'
import type { Outgoing, Send } from './follow.ts'
import { limits } from './limits.ts'
import { createReader, type ReaderDeps, TooSlow } from './reader.ts'
import { parseTopic, type Topic } from './topic.ts'

const cursor = z.coerce.number().int().min(0).max(limits.cursorMax)
const query = z.strictObject({ topic: z.string().max(64), cursor: cursor.default(0) })

/** Whether there is something to follow, for this reader: a stream that is open says nothing of what is not there. */
export type IsThere = (scope: Scope, topic: Topic) => Promise<boolean>

export const bindEvents = (
  app: FastifyInstance,
  deps: ReaderDeps & { readonly isThere: IsThere },
  admit: (request: FastifyRequest) => Promise<Actor | null>,
): void => {
  app.route<{ Querystring: z.infer<typeof query> }>({
    method: 'GET',
    url: '/events',
    schema: { querystring: query, hide: true } as object,
    onRequest: async (request) => {
      request.actor = await admit(request)
      if (request.actor === null) throw fault('E_UNAUTHENTICATED')
    },
    handler: async (request, reply) => {
      const { actor } = request
      const topic = parseTopic(request.query.topic)
      if (topic === null) throw fault('E_NOT_FOUND', { public: 'No such topic' })
      if (actor === null || !mayUse(actor, topic.verb)) throw fault('E_FORBIDDEN')
      if (!(await deps.isThere(actor.scope, topic))) throw fault('E_NOT_FOUND', { public: 'No such topic' })
      const resumed = cursor.safeParse(request.headers['last-event-id'])
      const stream = openStream(deps, actor, {
        topic: topic.name,
        cursor: resumed.success ? resumed.data : request.query.cursor,
      })
      reply.raw.once('close', () => stream.destroy())
      return reply
        .headers({
          'content-type': 'text/event-stream',
          'cache-control': 'no-store',
          'x-accel-buffering': 'no',
        })
        .send(stream)
    },
  })
}

const openStream = (
  deps: ReaderDeps,
  actor: Actor,
  start: { readonly topic: string; readonly cursor: number },
): PassThrough => {
  const leave = deps.takeSeat(actor)
  const stream = new PassThrough()
  const reader = createReader(deps, {
    actor,
    send: createSend(stream, deps.pace.stalledMs),
    end: () => stream.end(),
  })
  const beat = setInterval(() => {
    stream.write(': still here\n\n')
    reader.check().catch(() => undefined)
  }, deps.pace.beatMs)
  stream.once('close', () => {
    clearInterval(beat)
    leave()
    reader.close()
  })
  // The headers go out at once, so that the caller knows it is connected.
  stream.write(': connected\n\n')
  reader.subscribe(start.topic, { cursor: start.cursor })
  return stream
}

const createSend =
  (stream: PassThrough, stalledMs: number): Send =>
  async (outgoing) => {
    if (stream.destroyed || stream.writableEnded) return
    // There is one topic: what refuses it was the last word. Who comes back hears why by the status.
    if (outgoing.t === 'refused') return void stream.end(toEvent(outgoing))
    if (stream.write(toEvent(outgoing))) return
    const signal = AbortSignal.timeout(stalledMs)
    await once(stream, 'drain', { signal }).catch(() => {
      throw new TooSlow()
    })
  }

const toEvent = (outgoing: Outgoing): string => {
  if (outgoing.t === 'frame') {
    const { frame } = outgoing
    return `id: ${frame.seq}\nevent: frame\ndata: ${toBase64(encodeFollowerFrame(frame))}\n\n`
  }
  const id = outgoing.t === 'run' ? `id: ${outgoing.rev}\n` : ''
  return `${id}data: ${JSON.stringify(outgoing)}\n\n`
}
