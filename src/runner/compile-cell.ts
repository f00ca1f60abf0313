// The compiler behind a wall: a sandbox without network in which the release's own Node has loaded the compile program
// and waits for one request. One is kept waiting, so that a plan pays for neither; each is used once. The answer is out
// before its sandbox is closed: whoever asked says when.

import { PassThrough, Writable } from 'node:stream'
import { fault } from '../base/faults.ts'
import type { Log } from '../base/log.ts'
import type { Parsed } from '../base/problem.ts'
import {
  type ChooseAnswer,
  type ChooseRequest,
  type CompileAnswer,
  type CompileRequest,
  compileAnswerBytesMax,
  compileReadyLine,
  type MergeAnswer,
  type MergeRequest,
  parseChooseAnswer,
  parseCompileAnswer,
  parseMergeAnswer,
} from '../protocol/compile.ts'
import type { Driver, Limits, Receipt, Sandbox, StepSpec } from '../sandbox/index.ts'
import { compileMs, compilerFlags, compilerStartMs, compilerWaitMs, standbyRefillMs } from './limits.ts'
import { ownStep } from './own-step.ts'
import { emptySandbox } from './sandbox-spec.ts'
import { gatherStream } from './sink.ts'
import { createStandby, type Startable } from './standby.ts'

export type CompilerDeps = {
  readonly driver: Driver
  readonly limits: Limits
  /** The tool object of the jailer's settings that holds `node` and `compile.js`. */
  readonly tool: string
  readonly log: Log
}

export type Compiled = Answered<CompileAnswer>
export type Answered<A> = {
  readonly answer: A
  /** To be called in every case. Closes the sandbox and rejects when it cannot be proven gone; again: the same. */
  readonly end: () => Promise<Receipt>
}

export interface Compilers {
  /** Rejects for faults of ours only. */
  compile(request: CompileRequest, signal: AbortSignal): Promise<Compiled>
  choose(request: ChooseRequest, signal: AbortSignal): Promise<Answered<ChooseAnswer>>
  merge(request: MergeRequest, signal: AbortSignal): Promise<Answered<MergeAnswer>>
  close(): Promise<void>
}

type Waiting = Startable & {
  readonly use: <A>(asked: Asked<A>, signal: AbortSignal) => Promise<Answered<A>>
}
type Asked<A> = {
  readonly request: CompileRequest | ChooseRequest | MergeRequest
  readonly parse: (json: unknown) => Parsed<A>
}

export const createCompilers = (deps: CompilerDeps): Compilers => {
  const standby = createStandby({
    ...{ start: () => startCompiler(deps), what: 'compiler', log: deps.log },
    ...{ refillMs: standbyRefillMs, ageMs: compilerWaitMs, renew: true },
  })
  standby.fill()
  const use = async <A>(asked: Asked<A>, signal: AbortSignal) =>
    ((await standby.take()) ?? (await startCompiler(deps))).use(asked, signal)
  return {
    compile: (request, signal) => use({ request, parse: parseCompileAnswer }, signal),
    choose: (request, signal) => use({ request, parse: parseChooseAnswer }, signal),
    merge: (request, signal) => use({ request, parse: parseMergeAnswer }, signal),
    close: standby.close,
  }
}

const startCompiler = async (deps: CompilerDeps): Promise<Waiting> => {
  const sandbox = await deps.driver.open(
    {
      ...emptySandbox('compiler', deps.limits, 2 * compilerWaitMs),
      mounts: [{ kind: 'tool', object: deps.tool, at: '/opt/mayfly' }],
    },
    AbortSignal.timeout(compilerStartMs),
  )
  const stop = new AbortController()
  const stdin = new PassThrough()
  const output = answerStream()
  const words = gatherStream(4096)
  const ended = sandbox.exec(compileStep, { stdin, stdout: output.stream, stderr: words.stream }, stop.signal)
  ended.catch(() => undefined)
  const close = async () => {
    stop.abort()
    return sandbox.close('done')
  }
  try {
    await withDeadline(Promise.race([output.ready, failWhenEnded(ended, words)]), compilerStartMs)
  } catch (error) {
    await sandbox.close('fault')
    throw error
  }
  return {
    use: (asked, signal) => answer({ sandbox, stdin, output, words, ended, stop }, asked, signal),
    close: async () => void (await close()),
  }
}

type Running = {
  readonly sandbox: Sandbox
  readonly stdin: PassThrough
  readonly output: ReturnType<typeof answerStream>
  readonly words: ReturnType<typeof gatherStream>
  readonly ended: ReturnType<Sandbox['exec']>
  readonly stop: AbortController
}

const answer = async <A>(
  running: Running,
  { request, parse }: Asked<A>,
  signal: AbortSignal,
): Promise<Answered<A>> => {
  const { sandbox, stdin, output, ended, stop, words } = running
  const onAbort = () => stop.abort()
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    stdin.end(JSON.stringify(request))
    // Once its line is complete the program has nothing left to do, and a process of this size takes long to end.
    await withDeadline(Promise.race([output.answered, failWhenEnded(ended, words)]), compileMs)
    signal.throwIfAborted()
    const parsed = parse(parseJson(output.bytes()))
    if (!parsed.ok) throw fault('E_PROTOCOL', { detail: `compiler: ${parsed.problems[0]?.message ?? ''}` })
    return { answer: parsed.value, end: () => sandbox.close('done') }
  } catch (error) {
    await sandbox.close('fault')
    throw error
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}

const compileStep: StepSpec = {
  id: 'compile',
  kind: 'run',
  cell: 'clean',
  script: { argv: ['/opt/mayfly/node', ...compilerFlags, '/opt/mayfly/compile.js'] },
  env: new Map(),
  ...ownStep,
  deadline: 2 * compilerWaitMs,
}

/** Splits the line that says "ready" from the answer after it, one line of JSON. */
const answerStream = () => {
  const gathered = gatherStream(compileAnswerBytesMax + compileReadyLine.length)
  const ready = Promise.withResolvers<void>()
  const answered = Promise.withResolvers<void>()
  let isReady = false
  const stream = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      gathered.stream.write(chunk)
      if (!isReady) {
        isReady = gathered.bytes().toString('latin1').startsWith(compileReadyLine)
        if (isReady) ready.resolve()
      } else if (chunk.at(-1) === newline) answered.resolve()
      done()
    },
  })
  return {
    ...{ stream, ready: ready.promise, answered: answered.promise },
    bytes: () => gathered.bytes().subarray(compileReadyLine.length),
  }
}

const newline = 10

const failWhenEnded = async (
  ended: ReturnType<Sandbox['exec']>,
  words: ReturnType<typeof gatherStream>,
): Promise<never> => {
  const result = await ended
  const how = result.kind === 'exit' ? `exit ${result.code}` : result.kind
  throw fault('E_EXEC_FAILED', {
    detail: `compiler ended with ${how}: ${words.bytes().toString('utf8')}`,
  })
}

const withDeadline = async <T>(promise: Promise<T>, ms: number): Promise<T> => {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(fault('E_SANDBOX_DEADLINE', { detail: `compiler: ${ms} ms` })), ms)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}

const parseJson = (bytes: Buffer): unknown => {
  try {
    return JSON.parse(bytes.toString('utf8'))
  } catch {
    return null
  }
}
