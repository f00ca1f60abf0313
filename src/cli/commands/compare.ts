// Two runs side by side: what of the plan changed, which tests fail now, and where the time went.
import type { ComparedJob, Comparison } from '../../protocol/api/comparison.ts'
import { connect } from '../api/connect.ts'
import { findRunId } from '../api/find-run.ts'
import { inertText } from '../inert.ts'
import { duration, type Paint, paintFor, statusWord, writeTable } from '../look.ts'
import type { Surroundings } from '../surroundings.ts'

type Flags = { readonly json?: boolean; readonly project?: string }

export const compareRuns = async (
  around: Surroundings,
  flags: Flags,
  before: string,
  after: string,
): Promise<number> => {
  const api = await connect(around)
  const [left, right] = [
    await findRunId(around, api, { ref: before, project: flags.project }),
    await findRunId(around, api, { ref: after, project: flags.project }),
  ]
  const found = await api.call('runCompare', { params: { run: left }, query: { with: right } })
  if (flags.json) around.stdout.write(`${JSON.stringify(found)}\n`)
  else writeComparison(around, found)
  return 0
}

const writeComparison = (around: Surroundings, { before, after, plan, jobs, tests }: Comparison): void => {
  const paint = paintFor(around, around.stdout)
  const say = (line: string) => around.stdout.write(inertText`${line}\n`)
  for (const { number, status, commit, duration_ms } of [before, after])
    say(`#${number}  ${statusWord(paint, status)}  ${commit.slice(0, 10)}  ${duration(duration_ms)}`)
  for (const line of planLines(plan, paint)) say(line)
  for (const test of tests.newly_failed) say(paint('red', `now failing: ${testName(test)}`))
  for (const test of tests.no_longer_failed) say(paint('green', `no longer failing: ${testName(test)}`))
  if (!tests.complete) say('there are more failed tests than were compared')
  if (jobs.length > 0) writeTable(around.stdout, columns, jobs.map(jobRow))
  for (const line of jobs.flatMap(cacheLines)) say(line)
}

const columns = ['JOB', 'STATUS', 'TOOK', 'DIFFERENCE', 'QUEUED', 'CPU', 'MEMORY', 'SANDBOX']

const planLines = ({ added, removed, changed }: Comparison['plan'], paint: Paint): readonly string[] => [
  ...added.map(({ workflow, job }) => paint('green', `+ ${workflow}/${job}`)),
  ...removed.map(({ workflow, job }) => paint('red', `- ${workflow}/${job}`)),
  ...changed.flatMap(({ workflow, job, fields }) => [
    `~ ${workflow}/${job}`,
    ...fields.map((each) => `    ${each.field}: ${valueText(each.before)} → ${valueText(each.after)}`),
  ]),
]

/** On one line. */
const valueText = (value: string | null): string =>
  value === null ? '(none)' : value.replaceAll('\n', '\\n')

const testName = ({ job, file, class: className, name }: Comparison['tests']['newly_failed'][number]) =>
  [job, file, className, name].filter((part) => part !== '').join(' › ')

const nameOf = ({ job, shard }: ComparedJob): string => (shard > 0 ? `${job}.${shard}` : job)

const jobRow = (compared: ComparedJob): string[] => {
  const { status, duration_ms: took, queued_ms, sandbox, cpu_ms, memory_kib } = compared
  return [
    nameOf(compared),
    arrow(status, (word) => word),
    arrow(took, duration),
    took.before === null || took.after === null ? '-' : signed(took.after - took.before),
    arrow(queued_ms, duration),
    arrow(cpu_ms, duration),
    arrow(memory_kib, (kib) => `${Math.round(kib / 1024)} MiB`),
    arrow(sandbox, ({ image, isolation }) => [image, isolation].filter(Boolean).join(' in ')),
  ]
}

/** Of steps whose cache was another. */
const cacheLines = (compared: ComparedJob): readonly string[] =>
  compared.steps
    .filter(({ cache }) => cache.before !== cache.after)
    .map(({ name, cache }) => `${nameOf(compared)}, ${name}: cache ${arrow(cache, (word) => word)}`)

const arrow = <T>(
  { before, after }: { readonly before: T | null; readonly after: T | null },
  textOf: (value: T) => string,
): string => {
  const [left, right] = [before, after].map((value) => (value === null ? '-' : textOf(value)))
  return left === right ? (left ?? '-') : `${left} → ${right}`
}

const signed = (ms: number): string => `${ms < 0 ? '-' : '+'}${duration(Math.abs(ms))}`
