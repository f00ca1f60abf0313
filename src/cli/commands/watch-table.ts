// `mayfly watch` on a terminal: the jobs of a run as one table that is drawn anew in its place. What stands in it is text of others,
// made inert before the sequences that move the cursor are put around it; nobody else may write those (inert.ts).
import type { Job, Run } from '../../protocol/api/shapes.ts'
import { jobName } from '../api/job-name.ts'
import { inertText } from '../inert.ts'
import { duration, type Paint, statusWord } from '../look.ts'
import type { Output, Surroundings } from '../surroundings.ts'

const idle = new Set(['waiting', 'queued', 'on_hold', 'skipped'])

export type LiveTable = { readonly draw: (run: Run, end: { readonly isLast: boolean }) => void }

/** null: this is no place for one. A line for each change is what logs of other systems and readers of screens want. */
export const openLiveTable = (around: Surroundings, paint: Paint): LiveTable | null => {
  const { stdout, environment, wishes, clock } = around
  if (!stdout.isTerminal || environment.TERM === 'dumb' || wishes?.mayAsk === false) return null
  if (stdout.rows === undefined) return null
  let above = 0
  return {
    draw: (run, { isLast }) => {
      // One line stays free: writing the last one would push the first out of reach.
      const room = isLast ? Number.POSITIVE_INFINITY : Math.max(1, (stdout.rows ?? 24) - 3)
      const lines = tableLines(paint, run, { room, nowMs: clock.now() })
      write(stdout, lines, above)
      above = lines.length
    },
  }
}

/** Up to the first line of before, empty to the end; lines that are too long are cut by the terminal and never take two. */
const write = (output: Output, lines: readonly string[], above: number): void => {
  const up = above === 0 ? '' : `\u001b[${above}A`
  // SAFE: as bytes, which pass as they are: each line went through inertText.
  output.write(
    Buffer.from(`${up}\r\u001b[0J\u001b[?7l${lines.map((line) => `${line}\n`).join('')}\u001b[?7h`),
  )
}

export const tableLines = (
  paint: Paint,
  run: Run,
  { room, nowMs }: { readonly room: number; readonly nowMs: number },
): readonly string[] => {
  const shown = fitting(run.jobs, room)
  const width = Math.max(0, ...shown.map((job) => [...jobName(job)].length))
  const head =
    inertText`${statusWord(paint, run.status)}  ${run.project.name} #${run.number}  ${tookOf(run.duration_ms, run.rerun?.at ?? run.started_at, nowMs)}`.trimEnd()
  const rows = shown.map((job) => {
    const attempt = job.attempts.at(-1)
    // Of a job that is to run again it is not what an earlier attempt took.
    const took =
      attempt === undefined || idle.has(job.status)
        ? ''
        : tookOf(attempt.duration_ms, attempt.started_at, nowMs)
    const why = job.reason?.text ?? attempt?.failure?.message ?? ''
    const name = jobName(job) + ' '.repeat(width - [...jobName(job)].length)
    return inertText`  ${statusWord(paint, job.status)}${' '.repeat(Math.max(0, 9 - job.status.length))}  ${name}  ${took.padEnd(8)}  ${why}`.trimEnd()
  })
  const more = run.jobs.length - shown.length
  return [head, ...rows, ...(more === 0 ? [] : [`  … ${more} more`])]
}

/** Whole seconds while it goes on: tenths would flicker. */
const tookOf = (ended: number | null, began: string | null, nowMs: number): string => {
  if (ended !== null) return duration(ended)
  if (began === null) return ''
  return duration(Math.max(1, Math.floor((nowMs - Date.parse(began)) / 1000)) * 1000).replace('.0 s', ' s')
}

/** What went well is left out first, then what has not begun; the order stays. */
const fitting = (jobs: readonly Job[], room: number): readonly Job[] => {
  if (jobs.length <= room) return jobs
  const kept = jobs.toSorted((a, b) => rankOf(a) - rankOf(b)).slice(0, room)
  return jobs.filter((job) => kept.includes(job))
}

const ranks: Readonly<Record<string, number>> = { passed: 4, skipped: 4, waiting: 3, queued: 2 }
const rankOf = ({ status }: Job): number => ranks[status] ?? 1
