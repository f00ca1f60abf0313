// The compiler behind a wall: a sandbox without network in which the release's own Node has loaded the compile program
// and waits for one request. One is kept waiting, so that a plan pays for neither; each is used once.
import { PassThrough, Writable } from 'node:stream'
import { fault } from '../base/faults.ts'
import type { Log } from '../base/log.ts'
import {
  type CompileAnswer,
  type CompileRequest,
  compileAnswerBytesMax,
  compileReadyLine,
  parseCompileAnswer,
} from '../protocol/compile.ts'
import type { Driver, Limits, Receipt, Sandbox, StepSpec } from '../sandbox/index.ts'
import { compileMs, compilerStartMs, compilerWaitMs } from './limits.ts'
import { emptySandbox } from './sandbox-spec.ts'
import { gatherStream } from './sink.ts'

export type CompilerDeps = {
  readonly driver: Driver
  readonly limits: Limits
  /** The tool object of the jailer's settings that holds `node` and `compile.js`. */
  readonly tool: string
  readonly log: Log
}

export type Compiled = { readonly answer: CompileAnswer; readonly receipt: Receipt }

export interface Compilers {
  /** Rejects for faults of ours only. */
  compile(request: CompileRequest, signal: AbortSignal): Promise<Compiled>
  close(): Promise<void>
}

type Waiting = {
  readonly use: (request: CompileRequest, signal: AbortSignal) => Promise<Compiled>
  readonly close: () => Promise<void>
}

export const createCompilers = (deps: CompilerDeps): Compilers => {
  let next: Promise<Waiting> | null = null
  let timer: NodeJS.Timeout | null = null
  let closed = false

  const prestart = (): void => {
    if (closed) return
    next = startCompiler(deps)
    next.catch((error: unknown) => deps.log.warn('no compiler could be prestarted', { error }))
    timer = setTimeout(replace, compilerWaitMs).unref()
  }
  const take = (): Promise<Waiting> | null => {
    const taken = next
    next = null
    if (timer !== null) clearTimeout(timer)
    return taken
  }
  const replace = (): void => {
    void take()
      ?.then((waiting) => waiting.close())
      .catch(() => undefined)
    prestart()
  }

  prestart()
  return {
    compile: async (request, signal) => {
      // One that failed while it waited is not the plan's failure: a fresh one is started.
      const waiting = (await take()?.catch(() => null)) ?? (await startCompiler(deps))
      prestart()
      return waiting.use(request, signal)
    },
    close: async () => {
      closed = true
      const waiting = await take()?.catch(() => null)
      await waiting?.close()
    },
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
    use: (request, signal) => answer({ sandbox, stdin, output, words, ended, stop }, request, signal),
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

const answer = async (running: Running, request: CompileRequest, signal: AbortSignal): Promise<Compiled> => {
  const { sandbox, stdin, output, ended, stop } = running
  const onAbort = () => stop.abort()
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    stdin.end(JSON.stringify(request))
    const result = await withDeadline(ended, compileMs)
    signal.throwIfAborted()
    if (result.kind !== 'exit' || result.code !== 0)
      throw fault('E_EXEC_FAILED', {
        detail: `compiler: ${result.kind} ${running.words.bytes().toString('utf8')}`,
      })
    const parsed = parseCompileAnswer(parseJson(output.bytes()))
    if (!parsed.ok) throw fault('E_PROTOCOL', { detail: `compiler: ${parsed.problems[0]?.message ?? ''}` })
    return { answer: parsed.value, receipt: await sandbox.close('done') }
  } finally {
    signal.removeEventListener('abort', onAbort)
    // Idempotent: the second close gives the same receipt.
    await sandbox.close('fault')
  }
}

const compileStep: StepSpec = {
  id: 'compile',
  kind: 'run',
  cell: 'clean',
  script: { argv: ['/opt/mayfly/node', '--max-old-space-size=256', '/opt/mayfly/compile.js'] },
  env: new Map(),
  workdir: '/',
  take: [],
  socket: null,
  egress: null,
  tty: null,
  deadline: 2 * compilerWaitMs,
}

/** Splits the line that says "ready" from the answer after it. */
const answerStream = () => {
  const gathered = gatherStream(compileAnswerBytesMax + compileReadyLine.length)
  let tell: (() => void) | null = null
  const ready = new Promise<void>((resolve) => {
    tell = resolve
  })
  const stream = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      gathered.stream.write(chunk)
      if (tell !== null && gathered.bytes().toString('latin1').startsWith(compileReadyLine)) {
        tell()
        tell = null
      }
      done()
    },
  })
  return { stream, ready, bytes: () => gathered.bytes().subarray(compileReadyLine.length) }
}

const failWhenEnded = async (
  ended: ReturnType<Sandbox['exec']>,
  words: ReturnType<typeof gatherStream>,
): Promise<never> => {
  const result = await ended
  throw fault('E_EXEC_FAILED', {
    detail: `compiler ended with ${result.kind}: ${words.bytes().toString('utf8')}`,
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
