// From the start of a step to its end: deadlines, cancellation, too much output; TERM, then KILL, then the whole cell.
// The same for steps of the job cell and for cells of their own.
import { killedStepMs } from '../../limits.ts'

export type StepEnd =
  | { readonly kind: 'exit'; readonly code: number }
  /** Its cell was over before its command began; `code` is null when a signal ended it. */
  | { readonly kind: 'not-started'; readonly code: number | null }
  | { readonly kind: 'lost' }
/** Why we ended a step; null when it ended by itself. */
export type Cause = 'cancelled' | 'deadline' | 'log-limit' | null

export interface Running {
  /** Settles once `giveUp` was called; when it does not, the step counts as lost. */
  readonly ended: Promise<StepEnd>
  signal(name: 'TERM' | 'KILL'): void
  /** Ends the cell the step runs in. */
  giveUp(): void
}

export type Bounds = {
  readonly deadlineMs: number
  readonly idleMs: number
  readonly termMs: number
  readonly abort: AbortSignal
}

export interface Supervision {
  readonly outcome: Promise<{ readonly end: StepEnd; readonly cause: Cause }>
  /** The step printed something. */
  heard(): void
  /** The step printed more than it may. */
  exceeded(): void
}

export const supervise = (running: Running, bounds: Bounds): Supervision => {
  let cause: Cause = null
  const givenUp = Promise.withResolvers<StepEnd>()
  const timers = new Set<NodeJS.Timeout>()
  const after = (ms: number, act: () => void): NodeJS.Timeout => {
    // Node's timers hold 31 bits; a longer wait is no wait.
    const timer = setTimeout(act, Math.min(ms, 0x7fffffff))
    timers.add(timer)
    return timer
  }
  const stop = (why: Exclude<Cause, null>) => {
    if (cause !== null) return
    cause = why
    running.signal('TERM')
    after(bounds.termMs, () => {
      running.signal('KILL')
      after(killedStepMs, () => {
        running.giveUp()
        after(killedStepMs, () => givenUp.resolve({ kind: 'lost' }))
      })
    })
  }
  const onAbort = () => stop('cancelled')
  after(bounds.deadlineMs, () => stop('deadline'))
  const idle = after(bounds.idleMs, () => stop('deadline'))
  if (bounds.abort.aborted) queueMicrotask(onAbort)
  else bounds.abort.addEventListener('abort', onAbort, { once: true })
  const over = () => {
    for (const timer of timers) clearTimeout(timer)
    bounds.abort.removeEventListener('abort', onAbort)
  }
  // Also of one whose end could not be heard: its deadline would hold a process that has nothing else to do.
  const outcome = Promise.race([running.ended, givenUp.promise])
    .finally(over)
    .then((end) => ({ end, cause }))
  return { outcome, heard: () => void (cause === null && idle.refresh()), exceeded: () => stop('log-limit') }
}
