// What must hold after parts were killed, read from the database and through the API once everything is at rest. Every
// sentence that comes back is something that went wrong.
import type { Attempt } from '../../src/protocol/api/shapes.ts'
import type { Api } from '../support/api.ts'
import type { State } from '../support/installation-state.ts'
import { linesOf, type Sent, stepName } from './load.ts'

export type Tally = Readonly<Record<string, number>>
export type Outcome = {
  readonly violations: readonly string[]
  readonly runs: Tally
  /** Of jobs, by status, and why where it was not the job's own end. */
  readonly attempts: Tally
  readonly logsCompared: number
}

type AttemptRow = {
  readonly id: string
  readonly job: string
  readonly key: string
  readonly kind: string
  readonly number: number
  readonly status: string
  readonly code: string | null
  readonly message: string | null
  readonly receipt: boolean
  readonly logComplete: boolean
  readonly overlaps: boolean
}

/** Runs and attempts that are not final. */
export const countUnfinished = async ({ ask }: State): Promise<number> => {
  const [row] = await ask<{ count: number }>(`
    select (select count(*) from runs where finished_at is null)::int
      + (select count(*) from attempts where finished_at is null)::int as count`)
  return row?.count ?? 0
}

export const judgeEnd = async (state: State, api: Api, sent: readonly Sent[]): Promise<Outcome> => {
  const violations: string[] = []
  violations.push(...(await judgeDeliveries(state, sent)))
  const attempts = await state.ask<AttemptRow>(attemptsText)
  violations.push(...judgeAttempts(attempts))
  const logs = await judgeLogs(api, attempts)
  violations.push(...logs.violations)
  const runs = await state.ask<{ status: string }>('select status from runs')
  return {
    violations,
    runs: tally(runs.map(({ status }) => status)),
    attempts: tally(
      attempts.map(({ kind, status, code }) => `${kind} ${status}${code === null ? '' : ` ${code}`}`),
    ),
    logsCompared: logs.compared,
  }
}

const attemptsText = `
  select a.id, a.job_id as job, j.key, j.kind, a.number, a.status, a.failure_code as code, a.failure_message as message,
    a.receipt_verified as receipt, a.log_complete as "logComplete",
    exists (select from attempts b where b.job_id = a.job_id and b.number < a.number and b.finished_at > a.started_at) as overlaps
  from attempts a join jobs j on j.id = a.job_id where j.kind in ('job', 'plan') order by a.job_id, a.number`

/** Acknowledged: exactly one run of that commit. Never acknowledged: at most one. */
const judgeDeliveries = async ({ ask }: State, sent: readonly Sent[]): Promise<readonly string[]> => {
  const runs = tally((await ask<{ commit: string }>('select commit from runs')).map(({ commit }) => commit))
  const deliveries = new Set((await ask<{ id: string }>('select id from deliveries')).map(({ id }) => id))
  return sent.flatMap(({ commit, delivery, project }) => {
    const count = runs[commit] ?? 0
    const what = `delivery ${delivery ?? 'never acknowledged'} of ${project}`
    return [
      ...(delivery !== null && !deliveries.has(delivery) ? [`${what} is lost`] : []),
      ...(delivery !== null && count === 0 ? [`${what} began no run`] : []),
      ...(count > 1 ? [`${what} began ${count} runs`] : []),
    ]
  })
}

const judgeAttempts = (attempts: readonly AttemptRow[]): readonly string[] =>
  [...Map.groupBy(attempts, ({ job }) => job)].flatMap(([job, ofJob]) => {
    const passed = ofJob.filter(({ status }) => status === 'passed')
    const last = ofJob.at(-1)
    return [
      ...(passed.length > 1 ? [`job ${job} was accepted ${passed.length} times`] : []),
      ...(passed.length === 1 && passed[0] !== last ? [`job ${job} was begun again after it passed`] : []),
      ...ofJob
        .filter(({ overlaps }) => overlaps)
        .map(({ id }) => `attempt ${id} began before the one it replaces ended`),
      ...passed
        .filter(({ receipt }) => !receipt)
        .map(({ id }) => `attempt ${id} passed without a genuine receipt`),
      ...ofJob
        .filter(({ logComplete }) => !logComplete)
        .map(({ id }) => `the log of attempt ${id} is not closed`),
      ...ofJob
        .filter(isUnexpected)
        .map(({ id, status, code, message }) => `attempt ${id} ended ${status}: ${code} ${message}`),
    ]
  })

/**
 * How an attempt may end when a runner or a sandbox is killed under it; everything else is a fault of ours. A kill between
 * the order to start a step and its first command is a step that could not be started.
 */
const expectedCodes: ReadonlySet<string | null> = new Set([
  'E_EXEC_FAILED',
  'E_LEASE_LOST',
  'E_RUNNER_SESSION',
  'E_SANDBOX_LOST',
])
const isUnexpected = ({ status, code }: AttemptRow): boolean =>
  status !== 'passed' && !(status === 'failed' && code === null) && !expectedCodes.has(code)

/** Whole where it passed; otherwise what there is begins at 1 and has no gap. */
const judgeLogs = async (api: Api, attempts: readonly AttemptRow[]) => {
  const violations: string[] = []
  const printed = attempts.filter(({ kind, status }) => kind === 'job' && status !== 'skipped')
  for (const { id, key, status } of printed) {
    const { steps } = await api.get<Attempt>(`/api/v1/attempts/${id}`)
    const step = steps.find(({ name }) => name === stepName)
    const lines = step === undefined ? [] : await api.logLines(id, step.index)
    const wrong = status === 'passed' ? differenceOfWhole(lines, linesOf[key] ?? 0) : gapOf(lines)
    if (wrong !== null) violations.push(`attempt ${id} (${key}, ${status}) ${wrong}`)
  }
  return { violations, compared: printed.length }
}

const differenceOfWhole = (lines: readonly string[], count: number): string | null => {
  const wrong = lines.findIndex((line, i) => line !== `${i + 1}`)
  if (wrong >= 0) return `has ${JSON.stringify(lines[wrong])} for line ${wrong + 1}`
  return lines.length === count ? null : `has ${lines.length} lines of ${count}`
}

/** A program that is killed may leave half a number behind, and its shell says a word about it. */
const gapOf = (lines: readonly string[]): string | null => {
  const wrong = lines.findIndex((line, i) => line !== `${i + 1}`)
  if (wrong < 0) return null
  const rest = lines.slice(wrong).filter((line) => /^\d+$/.test(line))
  const isHalf = rest.length === 1 && `${wrong + 1}`.startsWith(rest[0] ?? '')
  if (rest.length === 0 || isHalf) return null
  return `has ${JSON.stringify(lines[wrong])} for line ${wrong + 1}`
}

const tally = (words: readonly string[]): Tally =>
  Object.fromEntries([...Map.groupBy(words, (word) => word)].map(([word, all]) => [word, all.length]))
