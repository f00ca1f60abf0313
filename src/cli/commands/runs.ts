// Runs of the installation: list, view, start, cancel (a run, a workflow or a job of it).
import { fault } from '../../base/faults.ts'
import type { Run, RunSummary } from '../../protocol/api/shapes.ts'
import { runEventKinds, status } from '../../protocol/api/shapes.ts'
import { machineTimes } from '../../protocol/machine-time.ts'
import type { ApiClient } from '../api/client.ts'
import { connect } from '../api/connect.ts'
import { jobNamed, splitRef } from '../api/find-job.ts'
import { findProject, findRun } from '../api/find-run.ts'
import { jobName } from '../api/job-name.ts'
import { findNamedRun } from '../api/named-run.ts'
import { ofProject } from '../api/of-project.ts'
import { refOf } from '../git/asked-ref.ts'
import { inertText } from '../inert.ts'
import { duration, paintFor, statusWord, writeTable } from '../look.ts'
import type { Surroundings } from '../surroundings.ts'
import { writeFailureLines } from './failure-lines.ts'
import { givenParameters } from './parameters.ts'

type RunFilters = {
  readonly status?: string
  readonly branch?: string
  readonly author?: string
  readonly event?: string
  readonly commit?: string
  readonly since?: string
  readonly until?: string
  readonly class?: string
  readonly mine?: boolean
  readonly allProjects?: boolean
}
type Flags = { readonly json?: boolean; readonly project?: string }

export const listRuns = async (
  around: Surroundings,
  flags: Flags & RunFilters & { readonly limit: string },
): Promise<number> => {
  const api = await connect(around)
  const wanted = flags.status === undefined ? undefined : wordOf(status.options, flags.status, 'status')
  const event = flags.event === undefined ? undefined : wordOf(runEventKinds, flags.event, 'event')
  const project = flags.project ?? (flags.allProjects === true ? undefined : await findProject(around, api))
  const { branch, author, commit, since, until, limit } = flags
  const mine = flags.mine === true ? ('yes' as const) : undefined
  const query = {
    ...{ project, status: wanted, branch, author, event, commit, since, until, class: flags.class, mine },
    limit,
  }
  const page = await api.call('runs', { query })
  if (flags.json) around.stdout.write(`${JSON.stringify(page)}\n`)
  else writeRuns(around, page.items)
  return 0
}

const wordOf = <const T extends string>(words: readonly T[], given: string, what: string): T => {
  const found = words.find((word) => word === given)
  if (found === undefined)
    throw fault('E_INPUT', { public: `"${given}" is no ${what}; there are ${words.join(', ')}` })
  return found
}

export const viewRun = async (
  around: Surroundings,
  flags: Flags & { readonly job?: string; readonly failureReport?: boolean; readonly maxBytes?: string },
  given: string | undefined,
): Promise<number> => {
  const { failureReport: isReport = false, maxBytes } = flags
  if (isReport && flags.json === true)
    throw fault('E_INPUT', { public: 'the report is text; `mayfly logs --condensed --json` has its lines' })
  if (!isReport && maxBytes !== undefined)
    throw fault('E_INPUT', { public: '--max-bytes is of --failure-report' })
  const { api, run, job } = await findNamedRun(around, flags, given)
  const shown = job === undefined ? run : jobNamed(run, job)
  if (isReport) {
    const jobs = job === undefined ? run.jobs : [jobNamed(run, job)]
    return (await import('./failure-report.ts')).writeFailureReport(around, api, run, { jobs, maxBytes })
  }
  if (flags.json) around.stdout.write(`${JSON.stringify(shown)}\n`)
  else if (job === undefined) await writeRun(around, api, run)
  else return (await import('./job-view.ts')).viewJob(around, run, jobNamed(run, job))
  return 0
}

export const cancelRun = async (
  around: Surroundings,
  flags: Flags & { readonly job?: string; readonly workflow?: string },
  given: string | undefined,
): Promise<number> => {
  const api = await connect(around)
  const words = splitRef({ ref: given, job: flags.job })
  const found = await findRun(around, api, { ref: words.ref, project: flags.project })
  const run = await askToCancel(api, found, { job: words.job, workflow: flags.workflow })
  if (flags.json) around.stdout.write(`${JSON.stringify(run)}\n`)
  else {
    const what = found.finished_at === null ? 'is being cancelled' : 'was over already'
    around.stderr.write(inertText`#${run.number} ${what}: ${run.status}\n`)
  }
  return 0
}

const askToCancel = (
  api: ApiClient,
  run: Run,
  { job, workflow: name }: { readonly job: string | undefined; readonly workflow: string | undefined },
): Promise<Run> => {
  if (job !== undefined && name !== undefined)
    throw fault('E_INPUT', { public: 'either --job or --workflow, not both' })
  if (job !== undefined) return api.call('jobCancel', { params: { job: jobNamed(run, job).id }, body: {} })
  if (name === undefined) return api.call('runCancel', { params: { run: run.id }, body: {} })
  const workflow = run.workflows.find((each) => each.name === name || each.id === name)
  if (workflow === undefined) throw fault('E_NOT_FOUND', { public: `#${run.number} has no workflow ${name}` })
  return api.call('workflowCancel', { params: { workflow: workflow.id }, body: {} })
}

export const startRun = async (
  around: Surroundings,
  flags: Flags & {
    branch?: string
    tag?: string
    commit?: string
    param: readonly string[]
    check?: boolean
    watch?: boolean
  },
): Promise<number> => {
  const { api, params } = await ofProject(around, flags)
  const ref = await refOf(around, flags)
  const body = {
    ...params,
    ...(ref === null ? {} : { ref }),
    ...(flags.commit === undefined ? {} : { commit: flags.commit }),
    ...(flags.param.length === 0
      ? {}
      : { parameters: await givenParameters(around, api, { ...flags, named: params.project, ref }) }),
  }
  const run = await api.call('runStart', { body })
  if (flags.json) around.stdout.write(`${JSON.stringify(run)}\n`)
  else around.stdout.write(inertText`#${run.number}  ${run.id}\n`)
  if (flags.watch !== true) return 0
  return (await import('./watch.ts')).watchBegun(around, flags, run.id)
}

const writeRuns = (around: Surroundings, runs: readonly RunSummary[]): void => {
  const paint = paintFor(around, around.stdout)
  writeTable(
    around.stdout,
    ['RUN', 'STATUS', 'PROJECT', 'REF', 'COMMIT', 'TOOK', 'ABOUT'],
    runs.map((run) => [
      `#${run.number}`,
      statusWord(paint, run.status),
      run.project.name,
      run.event.branch ?? run.event.tag ?? run.event.ref,
      run.event.commit.slice(0, 10),
      duration(run.duration_ms),
      (run.headline ?? run.event.subject ?? '').slice(0, 60),
    ]),
  )
}

const setupWords = ({ setup, workflows, finished_at: ended }: Run): string => {
  if (setup?.continued == null)
    return ended !== null
      ? 'a setup run that did not go on: nothing followed'
      : 'a setup run: what follows is found out'
  const names = workflows.flatMap(({ name, continued }) => (continued ? [name] : []))
  return `a setup run; it went on with: ${names.join(', ') || 'no workflow'}`
}

/** As the page of the run counts them. */
const changedWords = ({ count, more }: NonNullable<Run['changed_files']>): string =>
  `${more ? 'more than ' : ''}${count === 0 && !more ? 'no' : count} ${count === 1 ? 'file' : 'files'} changed`

const writeRun = async (around: Surroundings, api: ApiClient, run: Run): Promise<void> => {
  const paint = paintFor(around, around.stdout)
  const { event } = run
  around.stdout.write(
    inertText`${statusWord(paint, run.status)}  ${run.project.name} #${run.number}  ${duration(run.duration_ms)}\n`,
  )
  around.stdout.write(
    inertText`${event.branch ?? event.tag ?? event.ref} at ${event.commit.slice(0, 10)}  ${event.subject ?? ''}\n`,
  )
  if (run.headline !== null) around.stdout.write(inertText`${run.headline}\n`)
  if (run.changed_files !== null) around.stdout.write(inertText`${changedWords(run.changed_files)}\n`)
  if (run.setup !== null) around.stdout.write(inertText`${setupWords(run)}\n`)
  if (run.problems.length > 0) {
    const { formatProblems } = await import('../../compile/index.ts')
    around.stdout.write(formatProblems(run.problems))
  }
  writeTable(
    around.stdout,
    ['JOB', 'STATUS', 'ATTEMPT', 'TOOK', 'WHY'],
    run.jobs.map((job) => {
      const attempt = job.attempts.at(-1)
      return [
        jobName(job),
        statusWord(paint, job.status),
        attempt === undefined ? '-' : String(attempt.number),
        duration(attempt?.duration_ms ?? null),
        job.reason?.text ?? attempt?.failure?.message ?? '',
      ]
    }),
  )
  await writeFailureLines(around, api, run)
  const took = machineTimes(run.jobs, around.clock.now())
  if (took.length > 0)
    around.stdout.write(
      inertText`machine time: ${took.map(({ class: name, ms }) => `${duration(ms)} ${name}`).join(', ')}\n`,
    )
}
