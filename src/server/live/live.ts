// Live updates, put together: WebSockets at /api/v1/live and server-sent events at /events, both over the same readers.
// State always comes from the API; these streams only patch it.
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { WebSocketServer } from 'ws'
import { fault } from '../../base/faults.ts'
import type { Log } from '../../base/log.ts'
import type { RunSummary } from '../../protocol/api/shapes.ts'
import type { Access } from '../access/access.ts'
import type { Actor } from '../access/actor.ts'
import type { Verb } from '../access/roles.ts'
import type { Logs } from '../log-use-cases.ts'
import type { Projects, Runs } from '../use-cases.ts'
import { bindEvents, type IsThere } from './events.ts'
import { limits, type Pace, pace } from './limits.ts'
import type { ReaderDeps } from './reader.ts'
import { createRunHub } from './run-hub.ts'
import { createSeats } from './seats.ts'
import { serveSocket } from './socket.ts'
import { type Standing, watchStanding } from './standing.ts'
import { type Awaited, awaitVerdict } from './verdict.ts'

export type Upgrade = {
  readonly request: IncomingMessage
  readonly socket: Duplex
  readonly head: Buffer
  /** Checks origin and credentials; runs before the handshake is answered. */
  readonly admit: (headers: IncomingHttpHeaders) => Promise<Actor | null>
}

export type Live = {
  acceptUpgrade(upgrade: Upgrade): Promise<void>
  bindEvents(app: FastifyInstance, admit: (request: FastifyRequest) => Promise<Actor | null>): void
  /** Answers when the run has its verdict; null: there is no such run. */
  awaitVerdict(actor: Actor, asked: Awaited): Promise<RunSummary | null>
  /** For an answer that goes on without being a reader's. */
  standing(actor: Actor, verb: Verb): Standing
  /** How many WebSockets are open. */
  connections(): number
  close(): void
}

export const createLive = (deps: {
  readonly access: Pick<Access, 'again' | 'onEnded'>
  readonly runs: Pick<Runs, 'onChange' | 'jobsSince' | 'findAttempt'>
  readonly projects: Pick<Projects, 'find'>
  readonly logs: Pick<Logs, 'follow'>
  readonly log: Log
  readonly pace?: Pace
}): Live => {
  const hub = createRunHub(deps.runs)
  const readerDeps: ReaderDeps = { pace, ...deps, hub, takeSeat: createSeats() }
  let pending = 0
  // Frames are compressed already: permessage-deflate costs 8 times the CPU and drops frames (platform.md §5).
  const server = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    maxPayload: limits.clientMessageBytes,
  })
  return {
    acceptUpgrade: async ({ request, socket, head, admit }) => {
      socket.on('error', () => socket.destroy())
      if (pending >= limits.pendingUpgrades) throw fault('E_RATE_LIMIT')
      pending++
      const actor = await admit(request.headers).finally(() => pending--)
      if (actor === null) throw fault('E_UNAUTHENTICATED')
      // Gone meanwhile: its close was told before anybody listened, so a seat that it takes would never be left.
      if (socket.destroyed) return
      socket.once('close', readerDeps.takeSeat(actor))
      server.handleUpgrade(request, socket, head, (webSocket) => serveSocket(readerDeps, webSocket, actor))
    },
    bindEvents: (app, admit) => bindEvents(app, { ...readerDeps, isThere: isThere(deps) }, admit),
    awaitVerdict: (actor, asked) => awaitVerdict(readerDeps, actor, asked),
    standing: (actor, verb) => watchStanding(readerDeps, actor, verb),
    connections: () => server.clients.size,
    close: () => {
      hub.close()
      for (const client of server.clients) client.terminate()
      server.close()
    },
  }
}

const isThere =
  ({
    runs,
    projects,
  }: {
    readonly runs: Pick<Runs, 'jobsSince' | 'findAttempt'>
    readonly projects: Pick<Projects, 'find'>
  }): IsThere =>
  async (scope, topic) => {
    if (topic.kind === 'runs') return true
    if (topic.kind === 'log') return (await runs.findAttempt(scope, topic.attempt)) !== null
    if (topic.kind === 'project') return (await projects.find(scope, topic.project)) !== null
    // Above every rev there is: of its jobs none is read.
    return (await runs.jobsSince(scope, topic.run, limits.cursorMax)) !== null
  }
