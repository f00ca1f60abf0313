// Logs of a run: of one job as they are, of several with one prefix per job; all of it, or the part that somebody needs. Output
// of jobs is hostile text: on a terminal everything but colours is made harmless.
import { fault } from '../../base/faults.ts'
import type { Attempt, Job, Step } from '../../protocol/api/shapes.ts'
import { isRed } from '../../protocol/plan.ts'
import type { ApiClient } from '../api/client.ts'
import { connect } from '../api/connect.ts'
import { jobNamed, splitRef } from '../api/find-job.ts'
import { findRun } from '../api/find-run.ts'
import { jobName } from '../api/job-name.ts'
import { followBytes, followLines } from '../followed-log.ts'
import { type LineFilter, lineFilter, writeLines } from '../log-lines.ts'
import { createPrefixer, type Prefixer } from '../prefixed-output.ts'
import { readDuration } from '../read-duration.ts'
import type { Surroundings } from '../surroundings.ts'

type Flags = {
  readonly project?: string
  readonly job?: string
  readonly step?: string
  readonly lines?: string
  readonly tail?: string
  readonly grep?: string
  readonly timestamps?: boolean
  readonly since?: string
  readonly raw?: boolean
  readonly follow?: boolean
  readonly failed?: boolean
  readonly condensed?: boolean
  readonly allAttempts?: boolean
  readonly format?: string
  readonly json?: boolean
}

export const logs = async (around: Surroundings, flags: Flags, ref: string | undefined): Promise<number> => {
  const filter = lineFilter(flags)
  const since = flags.since === undefined ? null : around.clock.now() - readDuration(flags.since)
  if (flags.since !== undefined && (flags.condensed === true || flags.allAttempts === true))
    throw fault('E_INPUT', { public: '--since is of a log as it is, not of --condensed or --all-attempts' })
  const part = partOf(flags)
  const format = formatOf(flags)
  const api = await connect(around)
  const words = splitRef({ ref, job: flags.job })
  // A job that is named is wanted, however it ended.
  const isOfFailed = flags.failed === true || (flags.condensed === true && words.job === undefined)
  const run = await findRun(around, api, { ref: words.ref, project: flags.project })
  const jobs = (words.job === undefined ? run.jobs : [jobNamed(run, words.job)]).filter(
    (job) => job.attempts.length > 0 && (!isOfFailed || isRed(job.status)),
  )
  if (jobs.length === 0) throw fault('E_NOT_FOUND', { public: `#${run.number} has no log that fits` })
  if (flags.condensed === true)
    return (await import('./condensed.ts')).writeCondensed(around, api, jobs, flags.json === true)
  if (flags.allAttempts === true)
    return (await import('./log-search.ts')).searchAttempts(around, api, jobs, flags)
  if (jobs.length > 1 && (format === 'html' || format === 'ndjson'))
    throw fault('E_INPUT', { public: `--format ${format} is of one job: name it with --job` })
  const prefixer = createPrefixer(around, around.stdout, { isRaw: flags.raw === true })
  const copyJob = async (job: Job): Promise<void> => {
    const attempt = job.attempts.at(-1)
    if (attempt === undefined) return
    const name = jobs.length > 1 ? jobName(job) : null
    const asked = await partsOf(api, flags, { attempt: attempt.id, part })
    if (format === 'html' && asked.length > 1)
      throw fault('E_INPUT', { public: '--format html is one page: name one step with --step' })
    for (const of of asked) {
      const follow = flags.follow === true ? '1' : '0'
      await copyLog(
        around,
        api,
        { ...of, follow, name, filter: filterOf(filter, since, attempt), format },
        prefixer,
      )
    }
  }
  // Those that go on are followed side by side: one that ends late must not hide what the others say now.
  if (flags.follow === true) await Promise.all(jobs.map(copyJob))
  else for (const job of jobs) await copyJob(job)
  return 0
}

/** A line says its time since its attempt began. */
const filterOf = (
  filter: LineFilter | null,
  since: number | null,
  { started_at: began }: { readonly started_at: string | null },
): LineFilter | null =>
  filter === null || since === null || began === null
    ? filter
    : { ...filter, fromMs: since - Date.parse(began) }

/** Copies logs while they grow, each until its attempt ends; `name` stands before its lines. */
export const copyFollowed = (
  around: Surroundings,
  api: ApiClient,
): ((attempt: string, name: string | null) => Promise<void>) => {
  const prefixer = createPrefixer(around, around.stdout)
  return (attempt, name) =>
    copyLog(around, api, { attempt, name, follow: '1', filter: null, query: {}, format: 'ansi' }, prefixer)
}

type Format = 'text' | 'ansi' | 'html' | 'ndjson'
const formats: readonly Format[] = ['text', 'ansi', 'html', 'ndjson']

/** As the job wrote it, if nobody says another. */
const formatOf = (flags: Flags): Format => {
  const format = formats.find((one) => one === (flags.format ?? 'ansi'))
  if (format === undefined) throw fault('E_INPUT', { public: `--format takes ${formats.join(', ')}` })
  if (
    flags.format !== undefined &&
    (flags.grep !== undefined || flags.since !== undefined || flags.timestamps === true)
  )
    throw fault('E_INPUT', {
      public: '--grep, --since and --timestamps write lines of their own: leave --format out',
    })
  return format
}

type Lines = { readonly from: number; readonly to: number | undefined }
/** Of a step: some lines, or so many of its last. */
type Part = { readonly lines: Lines } | { readonly tail: number } | null

const partOf = ({ lines, tail }: Flags): Part => {
  if (lines === undefined && tail === undefined) return null
  const [, from, dash, to] = /^(\d{1,9})(-(\d{1,9})?)?$/.exec(lines ?? '') ?? []
  if (tail !== undefined && /^\d{1,9}$/.test(tail)) return { tail: Number(tail) }
  if (from === undefined || Number(from) < 1)
    throw fault('E_INPUT', { public: 'Lines are 120, 120-140 or 120-; --tail takes a number' })
  if (dash === undefined) return { lines: { from: Number(from), to: Number(from) } }
  return { lines: { from: Number(from), to: to === undefined ? undefined : Number(to) } }
}

type Query = Readonly<Record<string, string | number | undefined>>
type Asked = { readonly attempt: string; readonly query: Query }

/** What to ask of one attempt: its log, or of some of its steps what was asked for. */
const partsOf = async (
  api: ApiClient,
  flags: Flags,
  { attempt, part }: { readonly attempt: string; readonly part: Part },
): Promise<readonly Asked[]> => {
  if (flags.step === undefined && flags.failed !== true && part === null) return [{ attempt, query: {} }]
  const found = await api.call('attempt', { params: { attempt } })
  const steps = stepsOf(flags, found, part)
  // A job may fail before or between its steps: then its log says why.
  if (steps.length === 0) return [{ attempt, query: {} }]
  return Promise.all(
    steps.map(async ({ index }) => ({
      attempt,
      query: { step: index, ...(await linesOf(api, attempt, index, part)) },
    })),
  )
}

const stepsOf = (flags: Flags, { steps, number }: Attempt, part: Part): readonly Step[] => {
  if (flags.step !== undefined) {
    const wanted = steps.filter(({ index, name }) => String(index) === flags.step || name === flags.step)
    if (wanted.length > 0) return wanted
    throw fault('E_NOT_FOUND', { public: `attempt ${number} has no step ${flags.step}` })
  }
  const failed = steps.filter(({ status }) => isRed(status))
  // Lines are counted per step: where none is named, the one that a reader of the job looks at.
  return flags.failed === true || failed.length > 0 || part === null ? failed : steps.slice(-1)
}

const linesOf = async (api: ApiClient, attempt: string, step: number, part: Part): Promise<Query> => {
  if (part === null) return {}
  if ('lines' in part) return { from: part.lines.from, to: part.lines.to }
  const { chunks } = await api.call('attemptLogIndex', { params: { attempt } })
  const ended = Math.max(
    0,
    ...chunks.filter((one) => one.step === step).map((one) => one.first_line - 1 + one.lines),
  )
  return { from: Math.max(1, ended - part.tail + 1) }
}

const copyLog = async (
  around: Surroundings,
  api: ApiClient,
  of: Asked & {
    readonly follow: '0' | '1'
    readonly name: string | null
    readonly filter: LineFilter | null
    readonly format: Format
  },
  prefixer: Prefixer,
): Promise<void> => {
  // Lines cannot be followed: they are there or they are not.
  const follow = of.query.from === undefined ? of.follow : '0'
  const ask = (format: Format | 'frames') => {
    const call = { params: { attempt: of.attempt }, query: { ...of.query, format, follow } }
    return api.stream('attemptLog', call, around.interrupted)
  }
  const writer = prefixer.writer(of.name)
  if (of.filter !== null) {
    const lines = follow === '1' ? followLines(around, () => ask('ndjson')) : await ask('ndjson')
    await writeLines(lines, of.filter, writer)
  } else {
    const isFollowed = follow === '1' && of.format === 'ansi'
    const bytes = isFollowed ? followBytes(around, () => ask('frames')) : await ask(of.format)
    for await (const piece of bytes) writer.write(piece)
  }
  writer.end()
}
