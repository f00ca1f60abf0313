// A burst: so many jobs are queued while nobody takes them, then the places of the fleet open. How fast they fill, how
// long a free place waits for a waiting job, whose turn it was and what all of it cost is read from the database afterwards.
import { setTimeout as sleep } from 'node:timers/promises'
import { startClock } from '../clock.ts'
import { totalOf, usageOf } from '../processes.ts'
import type { Control, Fleet } from './control.ts'
import { type Project, type Share, type Start, shareOf } from './share.ts'

export type BurstOptions = {
  readonly jobs: number
  readonly jobsPerRun: number
  readonly projects: readonly Project[]
  /** Places of the fleet in all. */
  readonly places: number
  readonly fleets: readonly Fleet[]
  /** Called once the places are full. */
  readonly whileRunning?: () => Promise<void>
  readonly deadlineMs: number
}

export type Burst = Costs &
  Ends & {
    readonly jobs: number
    /** From the first request until all were queued. */
    readonly queueMs: number
    /** From the opening of the places until they were full, or all jobs had begun. */
    readonly fillMs: number
    /** How many places that were. */
    readonly full: number
    readonly doneMs: number
    readonly looks: number
    readonly overLimit: readonly string[]
  }

/** Of server, vault and database together; of the processes full of runners; what the database grew by. */
export type Costs = {
  readonly controlCpuMs: number
  readonly loadCpuMs: number
  readonly databaseBytes: number
}

type Ends = {
  /** Milliseconds from the end of a job to the beginning of the next on its runner, while jobs waited. */
  readonly meetings: readonly number[]
  /** How many jobs of projects with the same work had begun when half of all had. */
  readonly turns: readonly number[]
  /** Of organisations; null: there is one, or they have nothing in common. */
  readonly share: Share | null
  readonly outcomes: Readonly<Record<string, number>>
  /** Jobs without exactly one attempt that passed. */
  readonly lostOrDoubled: number
}

const lookEveryMs = 100
const startsAtOnce = 8
const shareWindowMs = 60_000

export const runBurst = async (control: Control, options: BurstOptions): Promise<Burst> => {
  const { state } = control
  const { jobs, places, fleets, deadlineMs } = options
  const [last] = await state.ask<{ last: string }>(
    'select coalesce(max(queue_order), 0) as last from attempts',
  )
  // Everything about this burst, and nothing about those before it.
  const ours = `j.kind = 'job' and a.queue_order > ${last?.last ?? 0}`
  const count = async (what: string): Promise<number> => {
    const text = `select count(*)::int as n from attempts a join jobs j on j.id = a.job_id where ${ours} and ${what}`
    return (await state.ask<{ n: number }>(text))[0]?.n ?? 0
  }
  const before = await costsOf(control, fleets)
  const queueing = startClock()
  await startRuns(control, options)
  await until(`${jobs} jobs queued`, async () => (await count(`a.status = 'queued'`)) >= jobs, deadlineMs)
  const queueMs = queueing()
  tell(`${jobs} jobs are queued after ${queueMs.toFixed(0)} ms`)
  const watching = watchLimits(control)
  try {
    const running = startClock()
    for (const fleet of fleets) fleet.tell('work')
    // What a limit holds back fills no place.
    const full = Math.min(places, await count('not a.held'))
    const begun = () => count('a.started_at is not null')
    await until(`${full} places full`, async () => (await begun()) >= full, deadlineMs)
    const fillMs = running()
    tell(`${full} places are full after ${fillMs.toFixed(0)} ms`)
    await options.whileRunning?.()
    const unfinished = 'select count(*)::int as n from runs where finished_at is null'
    const isOver = async () => (await state.ask<{ n: number }>(unfinished))[0]?.n === 0
    await until('all runs over', isOver, deadlineMs)
    const doneMs = running()
    tell(`all is over after ${doneMs.toFixed(0)} ms`)
    const after = await costsOf(control, fleets)
    // Where there are places left, nothing waits for one.
    const ends = await readEnds(control, ours, full < places ? null : full)
    const looked = await watching.stop()
    return { jobs, queueMs, fillMs, full, doneMs, ...looked, ...ends, ...difference(before, after) }
  } finally {
    // Also of a burst that failed: it would look into a database that is gone.
    await watching.stop()
  }
}

/** A burst takes minutes: how far it is, beside the report. */
const tell = (text: string): void => void process.stderr.write(`        ${text}\n`)

const until = async (what: string, condition: () => Promise<boolean>, deadlineMs: number): Promise<void> => {
  const elapsed = startClock()
  while (!(await condition())) {
    if (elapsed() > deadlineMs) throw new Error(`waited ${deadlineMs} ms in vain for ${what}`)
    await sleep(lookEveryMs)
  }
}

/** Each of a commit of its own, so that each is planned. */
const startRuns = async (
  { tenants }: Control,
  { jobs, jobsPerRun, projects }: BurstOptions,
): Promise<void> => {
  let next = 0
  const lane = async () => {
    while (next < jobs / jobsPerRun) {
      const nth = next++
      const commit = `${Date.now().toString(16)}${nth.toString(16)}`.padStart(40, '0')
      const project = projects[nth % projects.length]
      if (project === undefined) throw new TypeError('no projects')
      await tenants.callAs(project.organisation)('POST', '/api/v1/runs', { project: project.name, commit })
    }
  }
  await Promise.all(Array.from({ length: startsAtOnce }, lane))
}

const overLimitText = `
  select p.name, p.jobs_max as max, count(*)::int as n from attempts a join jobs j on j.id = a.job_id
  join projects p on p.id = a.project_id where a.status = 'running' and j.kind = 'job' and p.jobs_max is not null
  group by p.name, p.jobs_max having count(*) > p.jobs_max`

/** Looks until it is stopped. */
const watchLimits = ({ state }: Control) => {
  const stopped = new AbortController()
  const overLimit: string[] = []
  let looks = 0
  const watching = (async () => {
    while (!stopped.signal.aborted) {
      const rows = await state.tryAsk<{ name: string; max: number; n: number }>(overLimitText)
      if (rows !== null) looks++
      overLimit.push(...(rows ?? []).map(({ name, max, n }) => `${n} jobs of ${name}, at most ${max}`))
      await sleep(lookEveryMs)
    }
  })()
  return {
    stop: async () => {
      stopped.abort()
      await watching
      return { looks, overLimit }
    },
  }
}

/** The first `full` starts filled empty places; after them every start met a place that had become free. null: there always was an empty one. */
const readEnds = async ({ state }: Control, ours: string, full: number | null): Promise<Ends> => {
  const rows = await state.ask<Row>(`
    select a.job_id as job, p.name as project, p.organisation_id as organisation, p.jobs_max is null as "isFree", a.runner_id as runner, a.status,
      concat_ws(' ', a.status, case when a.status <> 'passed' then a.failure_code end) as outcome,
      extract(epoch from a.started_at) * 1000 as started, extract(epoch from a.finished_at) * 1000 as finished
    from attempts a join jobs j on j.id = a.job_id join projects p on p.id = a.project_id
    where ${ours} order by a.started_at nulls last`)
  const passed = Map.groupBy(
    rows.filter(({ status }) => status === 'passed'),
    ({ job }) => job,
  )
  const jobs = new Set(rows.map(({ job }) => job))
  const first = firstStarts(rows)
  return {
    meetings: full === null ? [] : meetingsOf(rows, full),
    turns: turnsOf(first),
    // Who never waits has no turn.
    share: full === null ? null : shareOf(first.map(asStart), shareWindowMs),
    outcomes: Object.fromEntries(
      [...Map.groupBy(rows, ({ outcome }) => outcome)].map(([outcome, all]) => [outcome, all.length]),
    ),
    lostOrDoubled: [...jobs].filter((job) => passed.get(job)?.length !== 1).length,
  }
}

/** Of the jobs that no limit holds back, in the order in which they began. */
const firstStarts = (rows: readonly Row[]): readonly Row[] =>
  [
    ...new Map(
      rows
        .filter(({ isFree }) => isFree)
        .toReversed()
        .map((row) => [row.job, row]),
    ).values(),
  ].toReversed()

const asStart = ({ organisation, project, started }: Row): Start => ({
  ...{ organisation, project, startedMs: started === null ? null : Number(started) },
})

/** Of the projects that have as many jobs as most: only these can be compared. */
const turnsOf = (first: readonly Row[]): readonly number[] => {
  const begun = new Set(first.slice(0, Math.ceil(first.length / 2)).map(({ job }) => job))
  const projects = [...Map.groupBy(first, ({ project }) => project).values()]
  // Of a project in the middle: between two sizes there is none.
  const size = projects.map((jobs) => jobs.length).toSorted((a, b) => a - b)[projects.length >> 1]
  return projects
    .filter((jobs) => jobs.length === size)
    .map((jobs) => jobs.filter(({ job }) => begun.has(job)).length)
}

type Row = {
  readonly job: string
  readonly project: string
  readonly organisation: string
  /** Its project has no limit. */
  readonly isFree: boolean
  readonly runner: string
  readonly status: string
  /** With why, unless it passed. */
  readonly outcome: string
  readonly started: string | null
  readonly finished: string
}

/** On each runner: its n-th end and the n-th start after its places were full. What a limit held back did not wait for a place. */
const meetingsOf = (rows: readonly Row[], full: number): readonly number[] => {
  const lastFree = rows.findLastIndex(({ isFree }) => isFree)
  const later = Map.groupBy(rows.slice(full, lastFree + 1), ({ runner }) => runner)
  return [...Map.groupBy(rows, ({ runner }) => runner)].flatMap(([runner, all]) => {
    const ends = all.map(({ finished }) => Number(finished)).toSorted((a, b) => a - b)
    const starts = (later.get(runner) ?? []).map(({ started }) => Number(started)).toSorted((a, b) => a - b)
    return starts.map((start, i) => start - (ends[i] ?? start))
  })
}

const controlPrograms = ['server', 'vault', 'postgres']

const costsOf = async (control: Control, fleets: readonly Fleet[]): Promise<Costs> => {
  const [size] = await control.state.ask<{ size: string }>(
    'select pg_database_size(current_database()) as size',
  )
  return {
    controlCpuMs: controlCpuMs(control),
    loadCpuMs: fleets.reduce((sum, { pid }) => sum + totalOf(usageOf(pid)?.cpuMs ?? {}), 0) + ownCpuMs(),
    databaseBytes: Number(size?.size ?? 0),
  }
}

export const controlCpuMs = (control: Control): number =>
  supervisorsOf(control).reduce((sum, pid) => {
    const usage = usageOf(pid)
    return sum + controlPrograms.reduce((all, program) => all + (usage?.cpuMs[program] ?? 0), 0)
  }, 0)

/** Above everything of the installation: its supervisor, and the server that nobody keeps. */
export const supervisorsOf = ({ installation, replica }: Control): readonly number[] =>
  replica === null ? [installation.pid] : [installation.pid, replica.pid]

/** Of this process, which holds the followers. */
const ownCpuMs = (): number => {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}

const difference = (before: Costs, after: Costs): Costs => ({
  controlCpuMs: after.controlCpuMs - before.controlCpuMs,
  loadCpuMs: after.loadCpuMs - before.loadCpuMs,
  databaseBytes: after.databaseBytes - before.databaseBytes,
})
