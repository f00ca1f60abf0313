// Follows a run until it ends, or one job of it: a table on a terminal, else a line per change, the logs where wanted, and the verdict as exit code.
import { setTimeout as sleep } from 'node:timers/promises'
import { fault } from '../../base/faults.ts'
import type { Job, Run } from '../../protocol/api/shapes.ts'
import { isRed } from '../../protocol/plan.ts'
import type { ApiClient } from '../api/client.ts'
import { connect } from '../api/connect.ts'
import { jobNamed, splitRef } from '../api/find-job.ts'
import { findRun } from '../api/find-run.ts'
import { jobName } from '../api/job-name.ts'
import { createPatience, isPassing } from '../api/patience.ts'
import { runOfCommit } from '../api/run-of-commit.ts'
import { exitCodeOf, exitCodes } from '../exit-codes.ts'
import { inertText } from '../inert.ts'
import { duration, paintFor, statusWord } from '../look.ts'
import { readDuration } from '../read-duration.ts'
import type { Surroundings } from '../surroundings.ts'

type Flags = {
  readonly json?: boolean
  readonly project?: string
  readonly sha?: string
  readonly job?: string
  readonly logs?: boolean
  readonly failFast?: boolean
  readonly timeout?: string
}

const askEveryMs = 500
const ended = new Set(['passed', 'unstable', 'failed', 'timed_out', 'errored', 'cancelled', 'skipped'])

export const watch = async (around: Surroundings, flags: Flags, ref: string | undefined): Promise<number> => {
  const words = splitRef({ ref, job: flags.job })
  if (flags.sha !== undefined && (words.ref !== undefined || around.wishes?.branch != null))
    throw fault('E_INPUT', { public: 'a run or --sha, not both' })
  if (flags.logs === true && flags.json === true)
    throw fault('E_INPUT', {
      public: '--logs writes lines, --json objects: the log as objects is `mayfly logs --format ndjson`',
    })
  const deadlineMs =
    flags.timeout === undefined
      ? Number.POSITIVE_INFINITY
      : around.clock.monotonicMs() + readDuration(flags.timeout)
  const api = await connect(around)
  const { project, sha } = flags
  const run =
    sha === undefined
      ? await findRun(around, api, { ref: words.ref, project })
      : await runOfCommit(around, api, { sha, project, deadlineMs })
  if (run === null) return around.interrupted.aborted ? exitCodes.interrupted : exitCodes.timedOut
  const wantsLogs = flags.logs === true || (words.job !== undefined && flags.json !== true)
  const logs = wantsLogs ? await openLogs(around, api, words.job !== undefined) : null
  try {
    return await follow(around, api, { flags, job: words.job, first: run, deadlineMs, logs })
  } finally {
    await logs?.stop()
  }
}

/** A run that the verb itself has begun: what it was found by, as `--branch`, has been said. */
export const watchBegun = (
  around: Surroundings,
  { json }: Pick<Flags, 'json'>,
  run: string,
): Promise<number> => {
  const wishes = around.wishes && { ...around.wishes, branch: null }
  return watch({ ...around, ...(wishes && { wishes }) }, json === undefined ? {} : { json }, run)
}

type Logs = {
  readonly follow: (jobs: readonly Job[]) => void
  /** What has ended is written to its end. */
  readonly finish: (jobs: readonly Job[]) => Promise<void>
  readonly stop: () => Promise<void>
}

const openLogs = async (around: Surroundings, api: ApiClient, isOfOne: boolean): Promise<Logs> => {
  const { copyFollowed } = await import('./logs.ts')
  const enough = new AbortController()
  const interrupted = AbortSignal.any([around.interrupted, enough.signal])
  const copy = copyFollowed({ ...around, interrupted }, api)
  const copies = new Map<string, Promise<void>>()
  let isFirst = true
  return {
    follow: (jobs) => {
      for (const job of jobs)
        for (const attempt of job.attempts) {
          if (copies.has(attempt.id) || attempt.started_at === null) continue
          // What was over before anybody watched is read with `mayfly logs`.
          const isOld = isFirst && attempt !== job.attempts.at(-1)
          const name = jobName(job)
          const copied = isOld
            ? Promise.resolve()
            : copy(attempt.id, isOfOne ? null : name).catch((error: unknown) => {
                if (!isPassing(error) || interrupted.aborted) throw error
                around.stderr.write(
                  inertText`mayfly: the log of ${name} broke off; \`mayfly logs\` has all of it\n`,
                )
              })
          // Who waits for it hears of it.
          copied.catch(() => undefined)
          copies.set(attempt.id, copied)
        }
      isFirst = false
    },
    finish: async (jobs) => {
      await Promise.all(jobs.flatMap(({ attempts }) => attempts.map(({ id }) => copies.get(id))))
    },
    stop: async () => {
      enough.abort()
      await Promise.allSettled(copies.values())
    },
  }
}

type Followed = {
  readonly flags: Flags
  readonly job: string | undefined
  readonly first: Run
  readonly deadlineMs: number
  readonly logs: Logs | null
}

const follow = async (
  around: Surroundings,
  api: ApiClient,
  { flags, job, first, deadlineMs, logs }: Followed,
): Promise<number> => {
  const tell = await tellerOf(around, { isJson: flags.json === true, hasLogs: logs !== null })
  const again = lookAgain(around, api, first.id)
  for (let run = first; ; run = (await again(deadlineMs)) ?? run) {
    const part = partOf(run, job)
    const isLate = around.clock.monotonicMs() > deadlineMs
    const code = verdictOf(part, flags) ?? (isLate ? exitCodes.timedOut : null)
    tell(part, { isLast: code !== null })
    logs?.follow(part.jobs)
    if (around.interrupted.aborted) return exitCodes.interrupted
    if (code !== null) {
      await logs?.finish(part.jobs.filter(({ status }) => ended.has(status)))
      return code
    }
    await sleep(askEveryMs, undefined, { signal: around.interrupted }).catch(() => undefined)
  }
}

/** null: there was no answer, and the time is over or somebody interrupted. */
const lookAgain = (around: Surroundings, api: ApiClient, run: string) => {
  const patience = createPatience(around)
  return async (deadlineMs: number): Promise<Run | null> => {
    while (!around.interrupted.aborted) {
      try {
        const found = await api.call('run', { params: { run } })
        patience.answered()
        return found
      } catch (error) {
        await patience.bear(error)
        if (around.clock.monotonicMs() > deadlineMs) return null
      }
    }
    return null
  }
}

/** A run, or one job of it. */
type Part = {
  readonly run: Run
  readonly jobs: readonly Job[]
  readonly one: Job | null
  readonly status: string
}

/** A job that is named may have to be planned first. */
const partOf = (run: Run, name: string | undefined): Part => {
  const isPlanned = run.workflows.length > 0 || ended.has(run.status)
  if (name === undefined) return { run, jobs: run.jobs, one: null, status: run.status }
  if (!isPlanned) return { run, jobs: [], one: null, status: run.status }
  const one = jobNamed(run, name)
  return { run, jobs: [one], one, status: one.status }
}

/** null: it goes on. */
const verdictOf = ({ run, jobs, status }: Part, { failFast }: Flags): number | null => {
  if (ended.has(status) || ended.has(run.status)) return exitCodeOf(status)
  if (failFast === true && jobs.some((job) => isRed(job.status))) return exitCodes.failed
  return status === 'on_hold' || run.status === 'on_hold' ? exitCodes.onHold : null
}

type Tell = (part: Part, end: { readonly isLast: boolean }) => void

const tellerOf = async (
  around: Surroundings,
  { isJson, hasLogs }: { readonly isJson: boolean; readonly hasLogs: boolean },
): Promise<Tell> => {
  if (isJson) return tellJson(around)
  const { openLiveTable } = await import('./watch-table.ts')
  const table = hasLogs ? null : openLiveTable(around, paintFor(around, around.stdout))
  return table === null ? tellLines(around) : ({ run }, end) => table.draw(run, end)
}

const createChanged = (): ((id: string, status: string) => boolean) => {
  const seen = new Map<string, string>()
  return (id, status) => {
    const before = seen.get(id)
    seen.set(id, status)
    return before !== status
  }
}

const tellJson = ({ stdout }: Surroundings): Tell => {
  const changed = createChanged()
  return ({ run, one }) => {
    const text = JSON.stringify(one ?? run)
    if (changed((one ?? run).id, one === null ? String(run.rev) : text)) stdout.write(`${text}\n`)
  }
}

const tellLines = (around: Surroundings): Tell => {
  const { stdout } = around
  const paint = paintFor(around, stdout)
  const changed = createChanged()
  return ({ run, jobs, one }) => {
    for (const job of jobs)
      if (changed(job.id, job.status) && job.status !== 'waiting') {
        const attempt = job.attempts.at(-1)
        const why = job.reason?.text ?? attempt?.failure?.message ?? ''
        const took = ended.has(job.status) ? duration(attempt?.duration_ms ?? null) : ''
        const words = [statusWord(paint, job.status), jobName(job), took, why]
        stdout.write(inertText`${words.filter((part) => part !== '').join('  ')}\n`)
      }
    if (one === null && changed(run.id, run.status) && ended.has(run.status))
      stdout.write(
        inertText`${statusWord(paint, run.status)}  ${run.project.name} #${run.number}  ${duration(run.duration_ms)}\n`,
      )
  }
}
