// What follows from a status: its colour token, whether it is over, which is worst. The list is experience.md §0.
import type { Status } from '../../protocol/api/shapes.ts'

export const statuses: readonly Status[] = [
  'waiting',
  'queued',
  'on_hold',
  'running',
  'passed',
  'unstable',
  'failed',
  'timed_out',
  'errored',
  'cancelled',
  'skipped',
]

export type Tone = 'idle' | 'hold' | 'running' | 'passed' | 'warn' | 'failed'

const tones: Readonly<Record<Status, Tone>> = {
  waiting: 'idle',
  queued: 'idle',
  on_hold: 'hold',
  running: 'running',
  passed: 'passed',
  unstable: 'warn',
  failed: 'failed',
  timed_out: 'failed',
  errored: 'failed',
  cancelled: 'idle',
  skipped: 'idle',
}
export const toneOf = (status: Status): Tone => tones[status]

const unfinished: ReadonlySet<Status> = new Set(['waiting', 'queued', 'on_hold', 'running'])
export const isFinished = (status: Status): boolean => !unfinished.has(status)
export const isRed = (status: Status): boolean => toneOf(status) === 'failed'

/** foundation.md §5: what still moves comes first, then the worst. */
const rollUpOrder: readonly Status[] = [
  'running',
  'queued',
  'on_hold',
  'waiting',
  'failed',
  'timed_out',
  'errored',
  'cancelled',
  'unstable',
  'passed',
  'skipped',
]
export const rollUp = (list: readonly Status[]): Status =>
  rollUpOrder.find((status) => list.includes(status)) ?? 'skipped'

/** A character for the window title, where there is no room for a shape. */
export const glyphOf = (status: Status): string =>
  ({
    waiting: '◌',
    queued: '○',
    on_hold: '⬡',
    running: '◔',
    passed: '✓',
    unstable: '✓',
    failed: '✕',
    timed_out: '✕',
    errored: '!',
    cancelled: '⊘',
    skipped: '–',
  })[status]
