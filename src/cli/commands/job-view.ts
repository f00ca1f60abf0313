// One job of a run: its last attempt with its steps, and what it used of its machine.
import { fault } from '../../base/faults.ts'
import type { Attempt, Job, Run } from '../../protocol/api/shapes.ts'
import type { AttemptUsage } from '../../protocol/api/usage.ts'
import { lostCodes } from '../../protocol/lost.ts'
import type { ApiClient } from '../api/client.ts'
import { connect } from '../api/connect.ts'
import { jobNamed, splitRef } from '../api/find-job.ts'
import { findRun } from '../api/find-run.ts'
import { inertText } from '../inert.ts'
import { duration, paintFor, statusWord, writeTable } from '../look.ts'
import type { Surroundings } from '../surroundings.ts'

type Flags = { readonly json?: boolean; readonly project?: string; readonly job?: string }

export const viewJob = async (around: Surroundings, run: Run, job: Job): Promise<number> => {
  const api = await connect(around)
  const attempt = await api.call('attempt', { params: { attempt: lastOf(run, job) } })
  const usage = await api.call('attemptUsage', { params: { attempt: attempt.id } })
  writeAttempt(around, job, attempt)
  around.stdout.write(inertText`${stageWords(attempt)}\n`)
  for (const line of usageLines(usage)) around.stdout.write(inertText`${line}\n`)
  return 0
}

export const viewUsage = async (
  around: Surroundings,
  flags: Flags,
  given: string | undefined,
): Promise<number> => {
  const api = await connect(around)
  const usage = await usageOf(around, api, flags, given)
  if (flags.json) around.stdout.write(`${JSON.stringify(usage)}\n`)
  else for (const line of usageLines(usage)) around.stdout.write(inertText`${line}\n`)
  return 0
}

const usageOf = async (
  around: Surroundings,
  api: ApiClient,
  flags: Flags,
  given: string | undefined,
): Promise<AttemptUsage> => {
  const words = splitRef({ ref: given, job: flags.job })
  const run = await findRun(around, api, { ref: words.ref, project: flags.project })
  const [only, ...more] = run.jobs.filter((job) => job.kind === 'job')
  if (words.job === undefined && (only === undefined || more.length > 0))
    throw fault('E_INPUT', { public: `which job of #${run.number}? name it with --job` })
  const job = words.job === undefined ? only : jobNamed(run, words.job)
  if (job === undefined) throw fault('E_NOT_FOUND', { public: `#${run.number} has no job` })
  return api.call('attemptUsage', { params: { attempt: lastOf(run, job) } })
}

const lastOf = (run: Run, job: Job): string => {
  const attempt = job.attempts.at(-1)
  if (attempt !== undefined) return attempt.id
  throw fault('E_NOT_FOUND', { public: `${job.name} of #${run.number} has not begun: mayfly runs why` })
}

const writeAttempt = (around: Surroundings, job: Job, attempt: Attempt): void => {
  const paint = paintFor(around, around.stdout)
  const where = attempt.runner === null ? '' : `  on ${attempt.runner.name}`
  around.stdout.write(
    inertText`${statusWord(paint, attempt.status)}  ${job.name}  attempt ${attempt.number}  ${duration(attempt.duration_ms)}${where}\n`,
  )
  if (attempt.failure !== null) around.stdout.write(inertText`${attempt.failure.message}\n`)
  for (const line of endLines(attempt)) around.stdout.write(inertText`${line}\n`)
  writeTable(
    around.stdout,
    ['STEP', 'STATUS', 'TOOK', 'NAME', 'SAID'],
    attempt.steps.map((step) => [
      String(step.index),
      statusWord(paint, step.status),
      duration(step.duration_ms),
      step.name,
      step.message ?? (step.cache === null ? '' : `cache ${step.cache}`),
    ]),
  )
}

/** Of a lost runner its last sign of life; which line somebody marked as the error. */
export const endLines = ({
  status,
  failure,
  renewed_at: renewed,
  pinned,
}: Pick<Attempt, 'status' | 'failure' | 'renewed_at' | 'pinned'>): readonly string[] => [
  ...(status === 'errored' && lostCodes.includes(failure?.code ?? '')
    ? [
        renewed === null
          ? 'its runner was not heard of after it took the job'
          : `its runner was last heard of at ${renewed}`,
      ]
    : []),
  ...(pinned === null
    ? []
    : [`${pinned.by.name} says that line ${pinned.line} of step ${pinned.step} is the error`]),
]

const stageNames = {
  ...{ queue: 'queue', sandbox: 'sandbox', checkout: 'checkout' },
  ...{ prepare: 'files and keys', steps: 'steps', save: 'saving', teardown: 'end of the sandbox' },
} as const

export const stageWords = ({ stages }: Pick<Attempt, 'stages'>): string =>
  stages
    .map(({ name, duration_ms: ms }) => `${stageNames[name]} ${ms === null ? '…' : duration(ms)}`)
    .join(', ')

const words = {
  fits: 'the class fits',
  larger: 'a larger class is worth a try',
  unmeasured: 'this runner cannot count memory and processor of a job',
} as const

/** In sentences, as the page of the job says it. */
export const usageLines = ({ series, peak, verdict }: AttemptUsage): readonly string[] => {
  if (series === null || verdict === null)
    return [peak === null ? 'nothing is known of what it used yet' : 'over too soon for its use to be read']
  const { memory_percent: memory, cpu_percent: cpu, disk_percent: disk, smaller } = verdict
  const shares = [
    ...(memory === null ? [] : [`${memory} % of memory`]),
    `${disk} % of disk`,
    ...(cpu === null ? [] : [`${cpu} % of its processor time`]),
  ]
  const advice = verdict.word === 'smaller' ? `the class ${smaller} would do` : words[verdict.word]
  const kills = peak?.oom_kills ?? 0
  return [
    `peaked at ${shares.join(', ')}: ${advice}`,
    ...(kills > 0 ? [`the kernel ended ${kills} of its processes for want of memory`] : []),
  ]
}
