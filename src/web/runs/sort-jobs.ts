// The order of the table of jobs: as planned, or by a column, upwards or downwards. Pure; the address says which.
import type { Job } from '../../protocol/api/shapes.ts'

export const sortColumns = ['job', 'status', 'duration'] as const
export type SortColumn = (typeof sortColumns)[number]
export type Sort = { readonly by: SortColumn; readonly isDown: boolean }

/** `duration`, `-duration`; anything else: as planned. */
export const parseSort = (text: string | null): Sort | null => {
  const isDown = text?.startsWith('-') === true
  const by = sortColumns.find((column) => column === (isDown ? text?.slice(1) : text))
  return by === undefined ? null : { by, isDown }
}

/** What a press on a column makes of the order: first one way, then the other, then as planned. */
export const nextSort = (sort: Sort | null, by: SortColumn): string => {
  const isFirstDown = by === 'duration'
  if (sort?.by !== by) return isFirstDown ? `-${by}` : by
  if (sort.isDown === isFirstDown) return isFirstDown ? by : `-${by}`
  return ''
}

export const sortJobs = (jobs: readonly Job[], sort: Sort | null): readonly Job[] => {
  if (sort === null) return jobs
  const sorted = jobs.toSorted((a, b) => compare[sort.by](a, b))
  return sort.isDown ? sorted.reverse() : sorted
}

/** Worst first: what one looks for. */
const ranks: readonly Job['status'][] = [
  ...(['errored', 'timed_out', 'failed', 'on_hold', 'running', 'queued', 'waiting'] as const),
  ...(['unstable', 'cancelled', 'passed', 'skipped'] as const),
]
const names = new Intl.Collator('en', { numeric: true })
const durationOf = (job: Job): number => job.attempts.at(-1)?.duration_ms ?? -1

const compare: Readonly<Record<SortColumn, (a: Job, b: Job) => number>> = {
  job: (a, b) => names.compare(a.name, b.name) || a.shard - b.shard,
  status: (a, b) => ranks.indexOf(a.status) - ranks.indexOf(b.status),
  duration: (a, b) => durationOf(a) - durationOf(b),
}
