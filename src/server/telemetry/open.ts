// Metrics and traces of a server that runs, each only where the settings ask for it; together they hear of ends of runs.
import type { Clock } from '../../base/clock.ts'
import type { Log } from '../../base/log.ts'
import type { Access } from '../access/access.ts'
import type { Database } from '../db/database.ts'
import type { Runners } from '../use-cases.ts'
import type { Metrics } from './metrics.ts'
import { openMetricsListener } from './metrics-listener.ts'
import { watchRunEnds } from './run-ends.ts'
import { readCollector, type TracesSettings } from './settings.ts'
import { createTracer, type Tracer } from './tracer.ts'

export type TelemetryDeps = {
  /** null: the settings name no port. */
  readonly metrics: { readonly port: number; readonly counted: Metrics } | null
  readonly traces: TracesSettings | null
  readonly database: Database
  readonly access: Pick<Access, 'tokens' | 'organisation'>
  readonly runners: Pick<Runners, 'list'>
  readonly liveConnections: () => number
  readonly site: () => { readonly url: string }
  readonly clock: Clock
  readonly log: Log
  readonly version: string
}

export const openTelemetry = async (deps: TelemetryDeps, opened: AsyncDisposableStack): Promise<void> => {
  const { metrics, traces, database, access, log } = deps
  if (metrics === null && traces === null) return
  const tracer = traces === null ? null : await openTracer(deps, traces)
  if (tracer !== null) opened.defer(() => tracer.close())
  const ends = watchRunEnds({
    ...{ database, log },
    onEnd: (run) => {
      metrics?.counted.countRun(run)
      tracer?.send(run)
    },
  })
  opened.defer(() => ends.close())
  if (metrics === null) return
  metrics.counted.observe(deps)
  const { port, counted } = metrics
  const listener = await openMetricsListener({ port, metrics: counted, tokens: access.tokens, log })
  opened.defer(() => listener.close())
  log.info('metrics are served', { port: listener.port })
}

const openTracer = async (deps: TelemetryDeps, traces: TracesSettings): Promise<Tracer> => {
  const collector = await readCollector(traces, deps.version)
  const { name: organisation } = deps.access.organisation
  const tracer = createTracer({ ...deps, db: deps.database.db, collector, organisation })
  tracer.sendMissed().catch((error: unknown) => deps.log.warn('earlier traces were not taken', { error }))
  return tracer
}
