// Follows a run until it ends: a line per change, the logs where wanted, and the verdict as exit code.
import { setTimeout as sleep } from 'node:timers/promises'
import type { Run } from '../../protocol/api/shapes.ts'
import { connect } from '../api/connect.ts'
import { findRun } from '../api/find-run.ts'
import { exitCodeOf, exitCodes } from '../exit-codes.ts'
import { inertText } from '../inert.ts'
import { duration, paintFor, statusWord } from '../look.ts'
import { readDuration } from '../read-duration.ts'
import type { Surroundings } from '../surroundings.ts'

type Flags = {
  readonly json?: boolean
  readonly project?: string
  readonly logs?: boolean
  readonly timeout?: string
}

const askEveryMs = 500
const ended = new Set(['passed', 'unstable', 'failed', 'timed_out', 'errored', 'cancelled', 'skipped'])

export const watch = async (around: Surroundings, flags: Flags, ref: string | undefined): Promise<number> => {
  const api = await connect(around)
  const deadlineMs =
    flags.timeout === undefined
      ? Number.POSITIVE_INFINITY
      : around.clock.monotonicMs() + readDuration(flags.timeout)
  const seen = new Map<string, string>()
  const followed = new Map<string, Promise<void>>()
  let run = await findRun(around, api, { ref, project: flags.project })
  for (;;) {
    tell(around, flags, run, seen)
    if (flags.logs === true) {
      const { followNew } = await import('./logs.ts')
      followNew(around, api, run, followed)
    }
    if (ended.has(run.status)) break
    if (around.interrupted.aborted) return exitCodes.interrupted
    if (around.clock.monotonicMs() > deadlineMs) return exitCodes.timedOut
    if (run.status === 'on_hold') return exitCodes.onHold
    await sleep(askEveryMs, undefined, { signal: around.interrupted }).catch(() => undefined)
    run = await api.call('run', { params: { run: run.id } })
  }
  await Promise.all(followed.values())
  return exitCodeOf(run.status)
}

const tell = (around: Surroundings, flags: Flags, run: Run, seen: Map<string, string>): void => {
  const paint = paintFor(around, around.stdout)
  const changed = (id: string, status: string): boolean => {
    const before = seen.get(id)
    seen.set(id, status)
    return before !== status
  }
  if (flags.json === true) {
    if (changed(run.id, String(run.rev))) around.stdout.write(`${JSON.stringify(run)}\n`)
    return
  }
  for (const job of run.jobs)
    if (changed(job.id, job.status) && job.status !== 'waiting') {
      const attempt = job.attempts.at(-1)
      const why = job.reason?.text ?? attempt?.failure?.message ?? ''
      const took = ended.has(job.status) ? duration(attempt?.duration_ms ?? null) : ''
      around.stdout.write(
        inertText`${[statusWord(paint, job.status), job.name, took, why].filter((part) => part !== '').join('  ')}\n`,
      )
    }
  if (changed(run.id, run.status) && ended.has(run.status))
    around.stdout.write(
      inertText`${statusWord(paint, run.status)}  ${run.project.name} #${run.number}  ${duration(run.duration_ms)}\n`,
    )
}
