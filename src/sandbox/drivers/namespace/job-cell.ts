// The runner's side of a job cell (isolation.md §2.9): orders to the step loop, its status lines, the FIFOs of each
// step. What the loop says is hostile: an unknown or long line, a step that was not started, or the end of the cell
// ends the job's steps, never the runner.
import type { Socket } from 'node:net'
import { statusLineMax } from '../../limits.ts'

export type StepEnd =
  | { readonly kind: 'exit'; readonly code: number }
  | { readonly kind: 'lost' }
  /** The cell went before any step of it began, which no job can bring about. */
  | { readonly kind: 'not-started'; readonly code: null }

export interface JobCell {
  /** Resolves when the loop waits for orders; false when it never will. */
  readonly ready: Promise<boolean>
  /** False when it is gone, or said what no loop says. */
  isAlive(): boolean
  /** From now on the step of a set is expected. One in the foreground starts with its prologue, others by order. */
  start(set: number, foreground: boolean): RunningStep
  /** Closes the line: the loop ends by itself. */
  close(): void
}
export interface RunningStep {
  /** The session of the step as the cell numbers it; null when it never started. */
  readonly session: Promise<number | null>
  readonly ended: Promise<StepEnd>
}

type Expecting = { onStart(pid: number | null): void; onEnd(end: StepEnd): void }

/** `lost` resolves when the cell is gone. */
export const createJobCell = (orders: Socket, status: Socket, lost: Promise<unknown>): JobCell => {
  const steps = new Map<number, Expecting>()
  let resolveReady: (ready: boolean) => void = () => undefined
  let [isReady, isUsed] = [false, false]
  let lostAs: StepEnd | null = null
  /** Each thing is said once: a job that speaks in the loop's place would keep us reading for as long as it lasts. */
  const begun = new Set<number>()
  const ready = new Promise<boolean>((resolve) => {
    resolveReady = resolve
  })
  const end = (as: StepEnd) => {
    lostAs ??= as
    resolveReady(false)
    for (const step of steps.values()) {
      step.onStart(null)
      step.onEnd(lostAs)
    }
    steps.clear()
    orders.destroy()
    status.destroy()
  }
  const lose = () => end({ kind: 'lost' })
  const gone = () => end(isUsed ? { kind: 'lost' } : { kind: 'not-started', code: null })
  const obeyLine = (line: string) => {
    if (line === 'ready' && !isReady) {
      isReady = true
      return resolveReady(true)
    }
    const [, verb, number, value] = /^(start|end) (\d{1,7}) (\d{1,7})$/.exec(line) ?? []
    const set = Number(number)
    const step = steps.get(set)
    if (step === undefined || (verb === 'start' && begun.has(set))) return lose()
    isUsed = true
    if (verb === 'start') {
      begun.add(set)
      return step.onStart(Number(value))
    }
    begun.delete(set)
    steps.delete(set)
    step.onStart(null)
    step.onEnd({ kind: 'exit', code: Number(value) & 255 })
  }
  readLines(status, { onLine: obeyLine, onTooLong: lose, onClose: gone })
  void lost.then(gone)
  return {
    ready,
    isAlive: () => lostAs === null,
    start: (set, foreground) => {
      const step = createExpectation()
      if (lostAs !== null) {
        step.onStart(null)
        step.onEnd(lostAs)
        return step
      }
      steps.set(set, step)
      if (!foreground) orders.write(`${set}\n`)
      return step
    },
    close: () => orders.destroy(),
  }
}

const createExpectation = (): Expecting & RunningStep => {
  let onStart: Expecting['onStart'] = () => undefined
  let onEnd: Expecting['onEnd'] = () => undefined
  const session = new Promise<number | null>((resolve) => {
    onStart = resolve
  })
  const ended = new Promise<StepEnd>((resolve) => {
    onEnd = resolve
  })
  return { session, ended, onStart: (pid) => onStart(pid), onEnd: (end) => onEnd(end) }
}

const readLines = (
  from: Socket,
  heard: { onLine(line: string): void; onTooLong(): void; onClose(): void },
): void => {
  let rest = ''
  from.on('error', () => undefined)
  from.on('close', heard.onClose)
  from.on('data', (chunk: Buffer) => {
    const lines = `${rest}${chunk.toString('latin1')}`.split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) heard.onLine(line)
    if (rest.length > statusLineMax) heard.onTooLong()
  })
}
