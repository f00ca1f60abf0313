// The runner's side of the endpoint in a job of a setup configuration (relay-program.ts): what comes out of the sandbox is
// hostile, framed and bounded. A request that names the key of its attempt goes on with the run.

import { createHash, timingSafeEqual } from 'node:crypto'
import { PassThrough } from 'node:stream'
import type { Sandbox, StepSpec } from '../../sandbox/index.ts'
import { createInbox, type Inbox } from '../checkout/inbox.ts'
import { relayBytesMax, relayReadyMs, relayRequestsMax } from '../limits.ts'
import { ownStep } from '../own-step.ts'
import { gatherStream } from '../sink.ts'
import type { Continuing, Print } from './continuing.ts'
import {
  continuePath,
  relayBodyBytesMax,
  relayLineBytesMax,
  relayProgram,
  relayReadyLine,
} from './relay-program.ts'

export type RelayOf = {
  readonly sandbox: Sandbox
  readonly continuing: Continuing
  /** Of this attempt; the job has it in its environment. */
  readonly key: string
  readonly print: Print
  readonly deadlineMs: number
}

/** Resolves when it listens, or will not: an image may lack what it needs. It ends with `signal`. */
export const openRelay = async (of: RelayOf, signal: AbortSignal): Promise<void> => {
  const stop = new AbortController()
  const stdin = new PassThrough()
  const inbox = createInbox(relayBytesMax)
  const io = { stdin, stdout: inbox.stream, stderr: gatherStream(0).stream, isNoLog: true } as const
  const isReady = Promise.withResolvers<void>()
  const within = AbortSignal.any([signal, stop.signal])
  const end = () => {
    inbox.end()
    isReady.resolve()
  }
  of.sandbox.exec(relayStep(of.deadlineMs), io, within).then(end, end)
  // What does not hold is the end of it: the job goes on without.
  const over = () => stop.abort('over')
  serve(of, { stdin, inbox, onReady: isReady.resolve }, within).then(over, over)
  const timer = setTimeout(isReady.resolve, relayReadyMs)
  await isReady.promise
  clearTimeout(timer)
}

type Pipes = { readonly stdin: PassThrough; readonly inbox: Inbox; readonly onReady: () => void }

const serve = async (of: RelayOf, { stdin, inbox, onReady }: Pipes, signal: AbortSignal): Promise<void> => {
  if ((await inbox.line()) !== relayReadyLine.trimEnd()) return
  onReady()
  for (let asked = 0; asked < relayRequestsMax && !signal.aborted; asked++) {
    const sizes = /^(\d{1,5}) (\d{1,8})$/.exec((await inbox.line()) ?? '')
    if (sizes === null) return
    const [lineBytes, bodyBytes] = [Number(sizes[1]), Number(sizes[2])]
    if (lineBytes > relayLineBytesMax || bodyBytes > relayBodyBytesMax) return
    const line = await inbox.bytes(lineBytes)
    const body = await inbox.bytes(bodyBytes)
    if (line === null || body === null) return
    const { status, message } = await answer(of, line.toString('latin1'), body, signal)
    const text = Buffer.from(`${JSON.stringify({ message })}\n`)
    stdin.write(Buffer.concat([Buffer.from(`${status} ${text.length}\n`), text]))
  }
}

type Reply = { readonly status: number; readonly message: string }

const answer = async (of: RelayOf, line: string, body: Buffer, signal: AbortSignal): Promise<Reply> => {
  if (line === 'TOO LARGE') return { status: 413, message: 'the configuration is too large' }
  const [method, path] = line.split(' ')
  if (path !== continuePath) return { status: 404, message: `here is ${continuePath} and nothing else` }
  if (method !== 'POST') return { status: 405, message: 'post it' }
  const asked = readAsked(body)
  if (asked === null)
    return { status: 400, message: 'a JSON object with continuation-key, configuration and parameters' }
  if (!isSame(asked.key, of.key))
    return { status: 403, message: 'this is not the continuation key of this job' }
  const found = {
    sources: [{ path: 'continuation.yml', text: asked.configuration }],
    parameters: asked.parameters,
  }
  try {
    const said = await of.continuing.goOn(found, of.print, signal)
    return said.ok ? { status: 200, message: 'the run goes on' } : { status: 400, message: said.message }
  } catch {
    // Told in the runner's own log by who failed; the job may ask again.
    return { status: 503, message: 'the run cannot go on now' }
  }
}

const readAsked = (body: Buffer) => {
  const json = parseJson(body)
  if (typeof json !== 'object' || json === null) return null
  const {
    'continuation-key': key,
    configuration,
    parameters = {},
  } = json as Readonly<Record<string, unknown>>
  return typeof key === 'string' && typeof configuration === 'string'
    ? { key, configuration, parameters: JSON.stringify(parameters ?? {}) }
    : null
}

const parseJson = (body: Buffer): unknown => {
  try {
    return JSON.parse(body.toString('utf8'))
  } catch {
    return null
  }
}

/** In the same time, however much of it is right. */
const isSame = (given: string, key: string): boolean => {
  const digest = (text: string) => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(given), digest(key))
}

const relayStep = (deadlineMs: number): StepSpec => ({
  id: 'setup-endpoint',
  kind: 'background',
  cell: 'job',
  script: { interpreter: ['/usr/bin/perl'], text: relayProgram },
  env: new Map(),
  ...ownStep,
  deadline: deadlineMs,
})
