// Marks a line of a log as the error of its attempt, for everybody who opens it, or takes the mark away.
import { fault } from '../../base/faults.ts'
import type { Attempt, Job, Run, Step } from '../../protocol/api/shapes.ts'
import { isRed } from '../../protocol/plan.ts'
import { jobNamed } from '../api/find-job.ts'
import { jobName } from '../api/job-name.ts'
import { findNamedRun } from '../api/named-run.ts'
import { inertText } from '../inert.ts'
import type { Surroundings } from '../surroundings.ts'

type Flags = {
  readonly json?: boolean
  readonly project?: string
  readonly job?: string
  readonly attempt?: string
  readonly step?: string
  readonly line?: string
}

export const pinLine = async (
  around: Surroundings,
  given: Flags,
  ref: string | undefined,
): Promise<number> => {
  const flags = { ...linkedIn(ref), ...given }
  if (!/^[1-9]\d{0,8}$/.test(flags.line ?? ''))
    throw fault('E_INPUT', {
      public: 'which line? say --line 64, or give the address of the line as the page of the job copies it',
    })
  const { api, run, job, attempt } = await findAttempt(around, flags, ref)
  const shown = await api.call('attempt', { params: { attempt } })
  const { index, name } = stepOf(flags.step, shown)
  const line = Number(flags.line)
  const pinned = await api.call('attemptPin', { params: { attempt }, body: { step: index, line } })
  if (flags.json) around.stdout.write(`${JSON.stringify(pinned)}\n`)
  else
    around.stderr.write(
      inertText`line ${line} of step ${index} (${name}) is pinned as the error of #${run.number} ${jobName(job)}\n`,
    )
  return 0
}

export const unpinLine = async (
  around: Surroundings,
  given: Flags,
  ref: string | undefined,
): Promise<number> => {
  const { api, run, job, attempt } = await findAttempt(around, { ...linkedIn(ref), ...given }, ref)
  const shown = await api.call('attemptUnpin', { params: { attempt } })
  if (given.json) around.stdout.write(`${JSON.stringify(shown)}\n`)
  else around.stderr.write(inertText`no line of #${run.number} ${jobName(job)} is pinned\n`)
  return 0
}

/** Of an address that somebody copied at a line: `…/jobs/test?attempt=2#s3L64`. */
const linkedIn = (ref: string | undefined): Pick<Flags, 'attempt' | 'step' | 'line'> => {
  const [, step, line] = /#s(\d{1,5})L(\d{1,9})(?:-L\d{1,9})?$/.exec(ref ?? '') ?? []
  const attempt = /[?&]attempt=(\d{1,9})(?:[&#]|$)/.exec(ref ?? '')?.[1]
  return {
    ...(step === undefined || line === undefined ? {} : { step, line }),
    ...(attempt === undefined ? {} : { attempt }),
  }
}

const findAttempt = async (around: Surroundings, flags: Flags, given: string | undefined) => {
  const { api, run, job: word } = await findNamedRun(around, flags, given)
  const job = word === undefined ? onlyJob(run) : jobNamed(run, word)
  const found =
    flags.attempt === undefined
      ? job.attempts.at(-1)
      : job.attempts.find(({ number }) => String(number) === flags.attempt)
  if (found !== undefined) return { api, run, job, attempt: found.id }
  const what = flags.attempt === undefined ? 'no attempt' : `no attempt ${flags.attempt}`
  throw fault('E_NOT_FOUND', { public: `${jobName(job)} of #${run.number} has ${what}` })
}

const onlyJob = ({ jobs, number }: Run): Job => {
  const failed = jobs.filter(({ status }) => isRed(status))
  const [job] = failed
  if (job !== undefined && failed.length === 1) return job
  throw fault('E_INPUT', { public: `which job of #${number}? name it with --job` })
}

/** The one that is named, else the one that failed: a line is counted in its step. */
const stepOf = (word: string | undefined, { steps, number }: Attempt): Step => {
  const fit =
    word === undefined
      ? steps.filter(({ status }) => isRed(status))
      : steps.filter(({ index, name }) => String(index) === word || name === word)
  const [step] = fit
  if (step !== undefined && fit.length === 1) return step
  if (word === undefined) throw fault('E_INPUT', { public: 'which step? name it with --step' })
  if (step === undefined) throw fault('E_NOT_FOUND', { public: `attempt ${number} has no step ${word}` })
  throw fault('E_INPUT', {
    public: `attempt ${number} has ${fit.length} steps ${word}: give its number, ${fit.map(({ index }) => index).join(' or ')}`,
  })
}
