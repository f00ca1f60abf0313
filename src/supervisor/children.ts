// Keeps the programs of an installation running: waits for the ready line, restarts with back-off, stops in order.
import { createInterface } from 'node:readline'
import { fault } from '../base/faults.ts'
import type { Log } from '../base/log.ts'
import type { ChildProcess } from '../sys/index.ts'

export type Child = {
  readonly name: string
  /** The ready line of the process that runs now. */
  readonly ready: Record<string, unknown>
  readonly pid: number
  readonly restarts: number
  close(): Promise<void>
}

export type ChildOptions = {
  readonly name: string
  readonly start: () => ChildProcess
  /** Called when it runs, and when it ended and will be started again. */
  readonly onState?: (state: { pid: number | null; state: 'running' | 'starting'; end?: string }) => void
  /** Called after every restart, once the ready line is there (to pin keys again, for example). */
  readonly onReady?: (ready: Record<string, unknown>) => Promise<void>
  readonly log: Log
  /** Called with each line the program logs. */
  readonly onLine: (line: string) => void
  /**
   * The program says `{"beat":true}` on standard output several times within this. When it has said nothing for three of
   * these it stands still, and is ended: what kept it may be over when it is started again.
   */
  readonly beatMs?: number
  /** One that ran this long is started again at once, however often it ended before. */
  readonly steadyMs?: number
}

const readyDeadlineMs = 30_000
const termDeadlineMs = 20_000
const backoffMs = [0, 100, 500, 1000, 5000] as const
const defaultSteadyMs = 60_000

/** Resolves when the program is ready for the first time; afterwards it is restarted whenever it ends. */
export const keepChild = async (options: ChildOptions): Promise<Child> => {
  const state = {
    closing: false,
    process: options.start(),
    ready: {} as Record<string, unknown>,
    restarts: 0,
    /** Ends one after another without a steady time between them. */
    failures: 0,
    /** Beats of all its lives. */
    beats: 0,
    wake: () => {},
  }
  const watch = (): void => {
    const since = performance.now()
    const stopListening = listenForBeats(options, state)
    const ended = (code: number | null, signal: NodeJS.Signals | null) => {
      stopListening()
      if (state.closing) return
      if (performance.now() - since >= (options.steadyMs ?? defaultSteadyMs)) state.failures = 0
      options.onState?.({ pid: null, state: 'starting', end: signal ?? `exit code ${code}` })
      options.log.warn('program ended, starting it again', {
        name: options.name,
        code,
        signal,
        restarts: state.restarts,
      })
      void again()
    }
    // It may have ended while it was made ready: nobody would hear of that any more.
    const { exitCode, signalCode } = state.process
    if (exitCode !== null || signalCode !== null) ended(exitCode, signalCode)
    else state.process.once('exit', ended)
  }
  // A machine without memory refuses a process on the spot: that is no end of trying either.
  const begin = async (): Promise<void> => {
    state.process = options.start()
    await settle(options, state)
  }
  const again = async (): Promise<void> => {
    const waitMs = backoffMs[Math.min(state.failures, backoffMs.length - 1)] ?? 5000
    state.restarts += 1
    state.failures += 1
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, waitMs)
      state.wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
    if (state.closing) return
    await begin().then(watch, (error) => {
      options.log.error('program did not start', { name: options.name, error })
      if (!state.closing) void again()
    })
  }
  await settle(options, state)
  watch()
  return {
    name: options.name,
    get ready() {
      return state.ready
    },
    get pid() {
      return state.process.pid ?? 0
    },
    get restarts() {
      return state.restarts
    },
    close: async () => {
      state.closing = true
      state.wake()
      await stop(state.process)
    },
  }
}

/** Three times, so that whoever was stopped himself for a while hears first what was said meanwhile. */
const silentMax = 3

const listenForBeats = (
  { name, log, beatMs }: ChildOptions,
  state: { readonly process: ChildProcess; readonly beats: number },
): (() => void) => {
  if (beatMs === undefined) return () => undefined
  const { process } = state
  let [heard, silent] = [state.beats, 0]
  const timer = setInterval(() => {
    silent = state.beats === heard ? silent + 1 : 0
    heard = state.beats
    if (silent < silentMax) return
    log.error('program stands still, ending it', { name })
    process.kill('SIGKILL')
  }, beatMs)
  return () => clearInterval(timer)
}

const settle = async (
  options: ChildOptions,
  state: { process: ChildProcess; ready: Record<string, unknown>; beats: number },
): Promise<void> => {
  state.ready = await waitForReady(options, state)
  try {
    await options.onReady?.(state.ready)
  } catch (error) {
    // Nobody keeps it, and the next one needs its place.
    await stop(state.process)
    throw error
  }
  options.onState?.({ pid: state.process.pid ?? null, state: 'running' })
}

/** The first line of standard output that is JSON with `ready: true`; standard error is the program's log. */
const waitForReady = (
  options: ChildOptions,
  state: { readonly process: ChildProcess; beats: number },
): Promise<Record<string, unknown>> =>
  new Promise((resolve, reject) => {
    const child = state.process
    const lastLines: string[] = []
    const fail = (why: string) => {
      clearTimeout(timer)
      child.kill('SIGKILL')
      reject(
        fault('E_CHILD_FAILED', {
          public: `${options.name} did not start: ${why}\n${lastLines.join('\n')}`.trim(),
        }),
      )
    }
    const timer = setTimeout(() => fail('it was not ready in time'), readyDeadlineMs)
    child.once('error', (error) => fail(error.message))
    const onExit = (code: number | null, signal: string | null) =>
      fail(`it ended with ${signal ?? `exit code ${code}`}`)
    child.once('exit', onExit)
    if (child.stderr !== null)
      createInterface({ input: child.stderr }).on('line', (line) => {
        lastLines.push(wordsOf(line).slice(0, 1000))
        if (lastLines.length > 5) lastLines.shift()
        options.onLine(line)
      })
    if (child.stdout !== null)
      createInterface({ input: child.stdout }).on('line', (line) => {
        const message = parseLine(line)
        if (message?.beat === true) {
          state.beats += 1
          return
        }
        if (message?.ready !== true) return options.onLine(line)
        clearTimeout(timer)
        // Only ours: who stops it meanwhile listens as well.
        child.off('exit', onExit)
        resolve(message)
      })
  })

/** A line of a log as a person reads it: what happened, and why. Other lines as they are. */
const wordsOf = (line: string): string => {
  const { message, why, fix, problems, error } = parseLine(line) ?? {}
  if (typeof message !== 'string') return line
  const reasons = [why ?? reasonOf(error), fix, ...(Array.isArray(problems) ? problems : [])]
  return [message, ...reasons].filter((each) => typeof each === 'string' && each !== '').join(': ')
}

/** As `describeError` of sys writes it; a fault begins with its name in the catalogue, which is told by its number. */
const reasonOf = (error: unknown): string | null => {
  if (typeof error !== 'object' || error === null || !('message' in error)) return null
  return String(error.message).replace(/^E_[A-Z_]+: /, '')
}

const parseLine = (line: string): Record<string, unknown> | null => {
  try {
    const value: unknown = JSON.parse(line)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null
  } catch {
    return null
  }
}

const stop = async (child: ChildProcess): Promise<void> => {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  child.kill('SIGTERM')
  const late = setTimeout(() => child.kill('SIGKILL'), termDeadlineMs)
  await ended
  clearTimeout(late)
}
