// A real client of the installation under test: the API over one kept connection, and a follower on the WebSocket, both
// with a bearer token. What it sees first is what a person could see first.
import { once } from 'node:events'
import { Agent, request } from 'node:http'
import { inflateRawSync, zstdDecompressSync } from 'node:zlib'
import WebSocket from 'ws'
import type { Attempt, Job, RunSummary } from '../src/protocol/api/shapes.ts'
import { type FollowerFrame, parseFollowerFrame, type ServerMessage } from '../src/protocol/live.ts'
import { finalStatuses } from '../test/support/api.ts'

export type Client = {
  readonly get: <T>(path: string) => Promise<T>
  readonly post: <T>(path: string, body: unknown) => Promise<T>
  /** Subscribes; `next` then waits for a message that `pick` takes. */
  readonly follow: (topic: string, from?: From) => Promise<Following>
  readonly close: () => void
}

/** What was seen before, and the codec of log frames besides deflate-raw. */
export type From = { readonly cursor?: number; readonly codec?: 'zstd' }

export type Following = {
  readonly next: <T>(pick: (message: LiveMessage) => T | null) => Promise<T>
  readonly stop: () => void
}

export type LiveMessage =
  | ServerMessage
  | { readonly t: 'frame'; readonly topic: string; readonly frame: FollowerFrame }

const deadlineMs = 120_000

export const openClient = async (url: string, token: string): Promise<Client> => {
  const agent = new Agent({ keepAlive: true })
  const headers = { authorization: `Bearer ${token}` }
  const socket = new WebSocket(`${url.replace(/^http/, 'ws')}/api/v1/live`, {
    headers,
    perMessageDeflate: false,
  })
  await once(socket, 'open', { signal: AbortSignal.timeout(deadlineMs) })
  const listeners = new Set<(message: LiveMessage | Error) => void>()
  const tell = (message: LiveMessage | Error) => {
    for (const listener of [...listeners]) listener(message)
  }
  socket.on('message', (data: Buffer, isBinary) =>
    tell(isBinary ? readFrame(data) : JSON.parse(String(data))),
  )
  socket.on('error', (error) => tell(error))
  let ended: Error | null = null
  socket.on('close', (code, reason) => {
    ended = new Error(`the live connection ended: ${code} ${reason}`)
    tell(ended)
  })
  const call = <T>(method: string, path: string, body: string | null) =>
    callApi<T>(new URL(url + path), { method, agent, headers }, body)
  return {
    get: (path) => call('GET', path, null),
    post: (path, body) => call('POST', path, JSON.stringify(body)),
    follow: (topic, from = {}) => {
      // Whoever comes later would wait for nothing.
      if (ended !== null) throw ended
      return follow(socket, listeners, { topic, cursor: 0, ...from })
    },
    close: () => {
      socket.removeAllListeners('close')
      socket.close()
      agent.destroy()
    },
  }
}

const readFrame = (data: Buffer): LiveMessage | Error => {
  const frame = parseFollowerFrame(data)
  return frame === null ? new Error('not a frame') : { t: 'frame', topic: `log:${frame.attempt}`, frame }
}

const follow = async (
  socket: WebSocket,
  listeners: Set<(message: LiveMessage | Error) => void>,
  { topic, ...from }: From & { readonly topic: string; readonly cursor: number },
): Promise<Following> => {
  const queue: (LiveMessage | Error)[] = []
  let wake = () => {}
  const listener = (message: LiveMessage | Error) => {
    if (!(message instanceof Error) && message.t !== 'pong' && message.topic !== topic) return
    queue.push(message)
    wake()
  }
  listeners.add(listener)
  socket.send(JSON.stringify({ t: 'sub', topic, ...from }))
  const next = async <T>(pick: (message: LiveMessage) => T | null): Promise<T> => {
    const deadline = AbortSignal.timeout(deadlineMs)
    for (;;) {
      for (let message = queue.shift(); message !== undefined; message = queue.shift()) {
        if (message instanceof Error) throw message
        if (message.t === 'refused') throw new Error(`${topic} was refused: ${message.reason}`)
        const picked = pick(message)
        if (picked !== null) return picked
      }
      await new Promise<void>((resolve, reject) => {
        wake = resolve
        deadline.onabort = () => reject(new Error(`waited ${deadlineMs} ms in vain for ${topic}`))
      })
    }
  }
  const stop = () => {
    listeners.delete(listener)
    socket.send(JSON.stringify({ t: 'unsub', topic }))
  }
  return { next, stop }
}

const callApi = async <T>(
  url: URL,
  options: { readonly method: string; readonly agent: Agent; readonly headers: Record<string, string> },
  body: string | null,
): Promise<T> => {
  const sent = request(url, {
    ...options,
    headers: { ...options.headers, ...(body === null ? {} : { 'content-type': 'application/json' }) },
    signal: AbortSignal.timeout(deadlineMs),
  })
  sent.end(body ?? undefined)
  const [answer] = await once(sent, 'response')
  const chunks: Buffer[] = []
  for await (const chunk of answer) chunks.push(chunk)
  const text = Buffer.concat(chunks).toString()
  if (answer.statusCode >= 300)
    throw new Error(`${options.method} ${url.pathname}: ${answer.statusCode} ${text}`)
  return JSON.parse(text) as T
}

/** The jobs of the plan, as soon as there are any. */
export const plannedJobs = (message: LiveMessage): readonly Job[] | null => {
  if (message.t !== 'run') return null
  const jobs = message.jobs.filter(({ kind }) => kind !== 'plan')
  return jobs.length > 0 ? jobs : failIfFinal(message.run)
}

const failIfFinal = (run: RunSummary): null => {
  if (!finalStatuses.has(run.status)) return null
  throw new Error(`run ${run.number} ended ${run.status} without a job: ${run.headline ?? 'no headline'}`)
}

/** The run once it is final; one that did not pass was no sample. */
export const passedRun = (message: LiveMessage): RunSummary | null => {
  if (message.t !== 'run' || !finalStatuses.has(message.run.status)) return null
  if (message.run.status === 'passed') return message.run
  throw new Error(
    `run ${message.run.number} ended ${message.run.status}: ${message.run.headline ?? 'no headline'}`,
  )
}

export const holdsText =
  (text: string) =>
  (message: LiveMessage): true | null => {
    if (message.t === 'log-end') throw new Error(`the log ended without ${JSON.stringify(text)}`)
    return message.t === 'frame' && textOf(message.frame).includes(text) ? true : null
  }

/** What the job wrote. */
export const textOf = ({ codec, body }: FollowerFrame): string =>
  String(codec === 'zstd' ? zstdDecompressSync(body) : inflateRawSync(body))

/** Resolves at the first frame with `text` in the log of the only attempt of the only job of a run. */
export const firstText = async (client: Client, run: string, text: string): Promise<void> => {
  const { id } = await firstAttempt(client, run)
  const log = await client.follow(`log:${id}`)
  await log.next(holdsText(text))
  log.stop()
}

export const firstAttempt = async (client: Client, run: string): Promise<{ readonly id: string }> => {
  const changes = await client.follow(`run:${run}`)
  const attempt = await changes.next(
    (message) => plannedJobs(message)?.flatMap((job) => job.attempts)[0] ?? null,
  )
  changes.stop()
  return attempt
}

export const waitUntilPassed = async (client: Client, run: string): Promise<void> => {
  const changes = await client.follow(`run:${run}`)
  await changes.next(passedRun)
  changes.stop()
}

/** Final, its log whole, its sandbox gone and the receipt written and genuine: what the API shows of the attempt. */
export const isSettled = async (client: Client, attempt: string): Promise<boolean> => {
  const { status, receipt, log_complete } = await client.get<Attempt>(`/api/v1/attempts/${attempt}`)
  return status === 'passed' && receipt?.verified === true && log_complete
}
