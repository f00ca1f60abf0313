// What this server counts, for Prometheus (docs/reference/metrics.md). A registry of its own; no label holds the name of a
// project, a branch or a person, so the number of series has a bound. Built only where the settings ask for metrics.
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { Database, Db } from '../db/database.ts'
import type { Runners } from '../use-cases.ts'
import type { EndedRun } from './ended-run.ts'
import { readLoad } from './load.ts'
import type { Meter } from './meter.ts'

export type Metrics = {
  readonly meter: Meter
  /** Counts a run that has ended, with its attempts. */
  countRun(run: EndedRun): void
  /** From now on a scrape also asks these; before, it says what was counted. */
  observe(sources: MetricSources): void
  scrape(): Promise<{ readonly contentType: string; readonly text: string }>
}

export type MetricSources = {
  readonly database: Pick<Database, 'pool'> & { readonly db: Db }
  readonly runners: Pick<Runners, 'list'>
  readonly liveConnections: () => number
}

const milliseconds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5]
const minutes = [0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 18_000]

export const createMetrics = (): Metrics => {
  const registry = new Registry()
  const sources: { given: MetricSources | null } = { given: null }
  // Processor, memory, garbage collection, and how late the event loop is.
  collectDefaultMetrics({ register: registry })
  const work = workMetrics(registry)
  const lookAtLoad = addLoad(registry)
  return {
    meter: createMeter(registry),
    countRun: (run) => countRun(work, run),
    observe: (given) => {
      sources.given = given
    },
    scrape: async () => {
      // Before the text is made: a metric that is asked while it is written would show the others of the scrape before.
      if (sources.given !== null) await lookAtLoad(sources.given)
      return { contentType: registry.contentType, text: await registry.metrics() }
    },
  }
}

const createMeter = (registry: Registry): Meter => {
  const registers = [registry]
  const vault = new Histogram({
    ...{ name: 'mayfly_vault_answer_seconds', help: 'Answers of the vault, by verb and outcome' },
    ...{ labelNames: ['verb', 'outcome'] as const, buckets: milliseconds, registers },
  })
  const requests = new Histogram({
    ...{ name: 'mayfly_http_request_seconds', help: 'Requests of people and hooks, by route' },
    ...{ labelNames: ['route', 'method', 'status'] as const, buckets: milliseconds, registers },
  })
  const commits = new Histogram({
    ...{ name: 'mayfly_log_commit_seconds', help: 'Commits that store log frames' },
    ...{ buckets: milliseconds, registers },
  })
  const counter = (name: string, help: string) => new Counter({ name, help, registers })
  const ingested = counter('mayfly_log_ingest_bytes_total', 'Sealed bytes of log frames that were stored')
  const taken = counter('mayfly_log_ingest_requests_total', 'Requests of runners with log frames')
  return {
    vaultAnswered: (verb, outcome, ms) => vault.observe({ verb, outcome }, ms / 1000),
    framesStored: ({ requests: count, bytes, ms }) => {
      commits.observe(ms / 1000)
      ingested.inc(bytes)
      taken.inc(count)
    },
    requestAnswered: ({ route, method, status, ms }) =>
      requests.observe({ route, method, status: `${Math.floor(status / 100)}xx` }, ms / 1000),
  }
}

const workMetrics = (registry: Registry) => {
  const registers = [registry]
  return {
    runs: new Counter({
      ...{ name: 'mayfly_runs_ended_total', help: 'Runs that ended, by status' },
      ...{ labelNames: ['status'] as const, registers },
    }),
    attempts: new Counter({
      ...{ name: 'mayfly_attempts_ended_total', help: 'Attempts of runs that ended, by kind and status' },
      ...{ labelNames: ['kind', 'status', 'cause'] as const, registers },
    }),
    wait: new Histogram({
      ...{ name: 'mayfly_queue_wait_seconds', help: 'From being ready to the lease' },
      ...{ labelNames: ['kind'] as const, buckets: minutes, registers },
    }),
    boot: new Histogram({
      ...{ name: 'mayfly_sandbox_boot_seconds', help: 'From the lease of a job to its first step' },
      ...{ buckets: [...milliseconds, 10, 30, 60], registers },
    }),
    duration: new Histogram({
      ...{ name: 'mayfly_job_duration_seconds', help: 'From the lease to the end' },
      ...{ labelNames: ['kind', 'status'] as const, buckets: minutes, registers },
    }),
  }
}

const countRun = (work: ReturnType<typeof workMetrics>, run: EndedRun): void => {
  work.runs.inc({ status: run.status })
  for (const { kind, status, cause, queuedAt, startedAt, finishedAt, steps } of run.attempts) {
    work.attempts.inc({ kind, status, cause })
    if (startedAt === null) continue
    work.wait.observe({ kind }, secondsBetween(queuedAt, startedAt))
    work.duration.observe({ kind, status }, secondsBetween(startedAt, finishedAt))
    const [first] = steps
    if (kind === 'job' && first !== undefined) work.boot.observe(secondsBetween(startedAt, first.startedAt))
  }
}

/** Clocks of several machines meet here. */
const secondsBetween = (from: Date, to: Date): number => Math.max(0, to.getTime() - from.getTime()) / 1000

/** What is as it is at the moment of the scrape: call what this returns right before it. A few questions to the database, however many series. */
const addLoad = (registry: Registry): ((given: MetricSources) => Promise<void>) => {
  const gauge = <L extends string>(name: string, help: string, labelNames: readonly L[] = []) =>
    new Gauge<L>({ name, help, labelNames: [...labelNames], registers: [registry] })
  const queue = gauge('mayfly_queue_depth', 'Attempts that wait: ready, or held by a limit', ['state'])
  const oldest = gauge('mayfly_queue_oldest_seconds', 'How long the oldest of them waits')
  const running = gauge('mayfly_attempts_running', 'Attempts that run, by kind', ['kind'])
  const onHold = gauge('mayfly_jobs_on_hold', 'Jobs that wait for a person')
  const runners = gauge('mayfly_runners', 'Runners, by status', ['status'])
  const slots = gauge('mayfly_runner_slots', 'Attempts that runners which are online can run at once')
  const pool = gauge('mayfly_database_connections', 'Connections of the pool', ['state'])
  const waiting = gauge('mayfly_database_waiting', 'Statements that wait for a connection')
  const live = gauge('mayfly_live_connections', 'WebSockets that are open')
  const up = gauge('mayfly_database_up', '1: the questions behind the other gauges were answered')
  return async (given) => {
    const { idle, total, waiting: blocked } = given.database.pool()
    pool.set({ state: 'idle' }, idle)
    pool.set({ state: 'busy' }, total - idle)
    waiting.set(blocked)
    live.set(given.liveConnections())
    const load = await readLoad(given).catch(() => null)
    up.set(load === null ? 0 : 1)
    if (load === null) return
    queue.set({ state: 'ready' }, load.ready)
    queue.set({ state: 'held' }, load.held)
    oldest.set(load.oldestSeconds)
    for (const [kind, count] of load.running) running.set({ kind }, count)
    onHold.set(load.onHold)
    for (const [status, count] of load.runners) runners.set({ status }, count)
    slots.set(load.slots)
  }
}
