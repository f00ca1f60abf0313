// A cell that reaches one source and nothing else: there a script does what it can, then waits for its order on stdin.
// Only there are the source host, the agent's socket or the local repository reachable. What comes out is bytes; the agent
// with the key ends with the answer. The cell is closed then, or asked again by whoever may (kept-connections.ts).

import { PassThrough } from 'node:stream'
import { fault } from '../../base/faults.ts'
import type { Log } from '../../base/log.ts'
import type { Secret } from '../../base/secret.ts'
import type { Source } from '../../protocol/runner-wire.ts'
import {
  type AllowedSource,
  allowSource,
  type Driver,
  type Limits,
  type Sandbox,
  type SandboxSpec,
  type StepResult,
  type StepSpec,
} from '../../sandbox/index.ts'
import { configFilesMax, fetchMs, gitWordsBytes, readerWaitMs } from '../limits.ts'
import { ownStep } from '../own-step.ts'
import { emptySandbox } from '../sandbox-spec.ts'
import { tailStream } from '../sink.ts'
import type { SshAgent } from '../ssh-agent.ts'
import type { Startable } from '../standby.ts'
import { openDeployAgent, underAlias } from './agent.ts'
import { type Answer, type Answers, createAnswers } from './answers.ts'
import { explainFailure, type SourceFailure } from './explain.ts'
import { sourceMount } from './git-scripts.ts'

export type SourceDeps = {
  readonly driver: Driver
  readonly log: Log
  /** Class of fetch and refs sandboxes. */
  readonly limits: Limits
  /** The operator's exceptions for private source hosts. */
  readonly privateRanges: readonly string[]
  /** Where sockets of private agents may lie. */
  readonly agentDirectory: string
}

/** What opens the source: the deploy key and the pinned host keys; null for local repositories. */
export type SourceKey = {
  readonly key: Secret<string>
  readonly hostKeys: readonly string[]
  /** Of the attempt it was released to. */
  readonly tier: string
}

/** `end` closes the sandbox and rejects when it cannot be proven gone: to be called in every case. */
export type Answered = (Answer & { readonly ok: true; readonly end: () => Promise<unknown> }) | SourceFailure

export type Print = (bytes: Uint8Array) => Promise<void> | undefined

export type SourceOrder = {
  readonly key: SourceKey | null
  /** Lines of the script's own. */
  readonly lines: readonly string[]
  readonly print: Print
}

export interface SourceCell extends Startable {
  /** False when it ended while it waited. */
  isAlive(): boolean
  /** One order at a time. After a failure it is closed. */
  ask(order: SourceOrder, signal: AbortSignal): Promise<Answered>
}

export type CellWant = {
  /** For records. */
  readonly attempt: string
  readonly source: Source
  readonly script: string
  readonly bytesMax: number
}

/** null: no sandbox could reach this host. */
const reachOf = (deps: SourceDeps, source: Source): AllowedSource | null =>
  source.kind === 'ssh' ? allowSource({ ...source, isTls: false }, deps.privateRanges) : null

/** Why this source cannot be reached at all. */
export const refuseSource = (deps: SourceDeps, source: Source): SourceFailure | null =>
  source.kind === 'ssh' && reachOf(deps, source) === null
    ? {
        ok: false,
        code: 'E_SOURCE_NOT_ALLOWED',
        message: `"${source.host}" is no host that a sandbox could reach`,
      }
    : null

export const openSourceCell = async (
  deps: SourceDeps,
  want: CellWant,
  signal: AbortSignal,
): Promise<SourceCell> => {
  const reach = reachOf(deps, want.source)
  const sandbox = await deps.driver.open(sourceSandbox(deps, want, reach), signal)
  const stop = new AbortController()
  const stdin = new PassThrough()
  const answers = createAnswers(want.bytesMax)
  // Nothing is said before the order is there: words of a script that waits are nobody's.
  const now: Now = { print: () => undefined, agent: async () => null, isConnected: false, isOver: false }
  const stderr = tailStream((bytes) => now.print(bytes), gitWordsBytes)
  const ended = sandbox.exec(
    stepFor(want.source, want.script, reach),
    {
      ...{ stdin, stdout: answers.stream, stderr: stderr.stream },
      onConnection: (connection) => {
        // SAFE: only ends it; what comes on it goes to the agent of the order under way or nowhere.
        connection.on('error', () => undefined)
        const refuse = () => void connection.destroy()
        now.agent().then((agent) => (agent === null ? refuse() : agent.serve(connection)), refuse)
      },
    },
    stop.signal,
  )
  const end = () => {
    now.isOver = true
  }
  ended.then(end, end)
  return {
    isAlive: () => !now.isOver,
    ask: (order, within) =>
      answer(deps, { sandbox, stdin, answers, stderr, stop, ended, now }, order, within),
    close: async () => void (await sandbox.close('done')),
  }
}

/** Of the order under way, else nobody's. */
type Now = {
  print: Print
  agent: () => Promise<SshAgent | null>
  /** An answer has come, and with it the connection that its script leaves for the next order. */
  isConnected: boolean
  isOver: boolean
}
type Running = {
  readonly sandbox: Sandbox
  readonly stdin: PassThrough
  readonly answers: Answers
  readonly stderr: ReturnType<typeof tailStream>
  readonly stop: AbortController
  readonly ended: Promise<StepResult>
  readonly now: Now
}

const answer = async (
  deps: SourceDeps,
  running: Running,
  order: SourceOrder,
  signal: AbortSignal,
): Promise<Answered> => {
  const { sandbox, stop, now } = running
  const onAbort = () => stop.abort()
  signal.addEventListener('abort', onAbort, { once: true })
  if (signal.aborted) onAbort()
  const agent = createAgentOnce(deps, order.key)
  Object.assign(now, { print: order.print, agent: agent.get })
  // Beside the connection, which needs it only at its end; a connection that is there most likely needs none.
  if (!now.isConnected) agent.get().catch(onAbort)
  try {
    const said = await converse(running, order)
    await agent.opened()
    signal.throwIfAborted()
    if (typeof said === 'number') return await failed(running, said)
    now.isConnected = true
    return { ok: true, ...said, end: () => sandbox.close('done') }
  } catch (error) {
    await sandbox.close('fault')
    throw error
  } finally {
    signal.removeEventListener('abort', onAbort)
    Object.assign(now, { print: () => undefined, agent: async () => null })
    await agent.close()
  }
}

/** Its answer, or how it ended without one. */
const converse = async ({ stdin, answers, ended }: Running, order: SourceOrder): Promise<Answer | number> => {
  const { word, complete } = answers.next()
  const hosts = (order.key?.hostKeys ?? []).map((line) => `host ${underAlias(line)}`)
  stdin.write([...hosts, ...order.lines, `end ${word}`, 'go', ''].join('\n'))
  const result = await withinFetchMs(Promise.race([complete, ended]))
  if ('bytes' in result) return result
  return result.kind === 'exit' ? result.code : -1
}

/** Opened when it is first needed, once; closing it waits for that. */
const createAgentOnce = (deps: SourceDeps, key: SourceKey | null) => {
  let opening: Promise<SshAgent | null> | null = null
  return {
    get: () => {
      opening ??= openAgent(deps, key)
      return opening
    },
    /** Rejects when it was needed and could not be. */
    opened: () => opening,
    close: async () => void (await (await opening?.catch(() => null))?.close()),
  }
}

const failed = async ({ sandbox, stderr }: Running, code: number): Promise<SourceFailure> => {
  await sandbox.close('done')
  return explainFailure(code, stderr.text())
}

/** Its own deadline counts from its start, which may be long ago. */
const withinFetchMs = async <T>(work: Promise<T>): Promise<T> => {
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(() => late.reject(fault('E_SANDBOX_DEADLINE', { detail: 'fetch' })), fetchMs)
  try {
    return await Promise.race([work, late.promise])
  } finally {
    clearTimeout(timer)
  }
}

const openAgent = async (deps: SourceDeps, key: SourceKey | null): Promise<SshAgent | null> =>
  key === null || key.hostKeys.length === 0
    ? null
    : openDeployAgent({ directory: deps.agentDirectory, ...key })

const sourceSandbox = (
  deps: SourceDeps,
  { attempt, source }: CellWant,
  reach: AllowedSource | null,
): SandboxSpec => {
  const spec = emptySandbox(attempt, deps.limits, readerWaitMs + fetchMs)
  if (source.kind === 'ssh') return reach === null ? spec : { ...spec, egress: reach.policy }
  return { ...spec, mounts: [{ kind: 'source', root: source.root, path: source.path, at: sourceMount }] }
}

const stepFor = (source: Source, script: string, reach: AllowedSource | null): StepSpec => ({
  id: 'source',
  kind: 'checkout',
  cell: 'clean',
  script: { interpreter: ['/bin/sh'], text: script },
  env: new Map(Object.entries(sourceEnvironment(source, reach))),
  ...ownStep,
  socket: source.kind === 'ssh' ? 'ssh-agent' : null,
  deadline: readerWaitMs + fetchMs,
})

/** The address is made from its parts and the name that the cell knows; what the user wrote is for people. */
const sourceEnvironment = (source: Source, reach: AllowedSource | null): Readonly<Record<string, string>> => {
  const common = { MF_FILES_MAX: String(configFilesMax) }
  if (source.kind === 'local' || reach === null)
    return { ...common, MF_PROTOCOL: 'file', MF_URL: sourceMount, MF_HOST: '', MF_PORT: '' }
  return {
    ...common,
    MF_PROTOCOL: 'ssh',
    MF_URL: `ssh://${source.user}@${reach.name}:${source.port}/${source.path.replace(/^\/+/, '')}`,
    MF_HOST: reach.name,
    MF_PORT: String(source.port),
  }
}
