// What a run took in all, and how long it will likely go on. Pure; the clock comes in.
import type { Run } from '../../protocol/api/shapes.ts'
import { isFinished } from '../format/status.ts'
import { parseTime } from '../format/time.ts'

export type RunTotals = {
  readonly attempts: number
  /** Attempts that began: each had one of its own. */
  readonly sandboxes: number
  /** Until it ends, by what is usual; below zero when it takes longer already. null: it does not run, or nothing is usual. */
  readonly leftMs: number | null
}

export const runTotals = (
  run: Pick<Run, 'status' | 'started_at' | 'rerun' | 'usual_ms'> & { readonly jobs: readonly JobAttempts[] },
  now: number,
): RunTotals => {
  const attempts = run.jobs.flatMap((job) => job.attempts)
  return {
    attempts: attempts.length,
    sandboxes: attempts.filter(({ started_at }) => started_at !== null).length,
    leftMs: leftMs(run, now),
  }
}

type JobAttempts = { readonly attempts: readonly { readonly started_at: string | null }[] }

const leftMs = (
  { status, started_at, rerun, usual_ms }: Pick<Run, 'status' | 'started_at' | 'rerun' | 'usual_ms'>,
  now: number,
): number | null => {
  const began = parseTime(started_at)
  // Of a run that is carried out again only a part is, and how long that takes is nothing usual.
  if (began === null || usual_ms === null || rerun !== null || isFinished(status)) return null
  return began + usual_ms - now
}
