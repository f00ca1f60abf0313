// What an attempt used, as the API shows it.
import { sql } from 'kysely'
import type { AttemptId } from '../../base/ids.ts'
import type { AttemptUsage } from '../../protocol/api/usage.ts'
import type { Usage } from '../../protocol/receipt.ts'
import type { UsageSeries } from '../../protocol/usage-series.ts'
import { usageVerdict } from '../../protocol/usage-verdict.ts'
import type { Scope } from '../access/actor.ts'
import { inScope } from '../access/in-scope.ts'
import type { Db } from '../db/database.ts'

type Row = { readonly usage: Usage | null; readonly series: string | null; readonly startedAt: Date | null }

export const findUsage = async (db: Db, scope: Scope, id: AttemptId): Promise<AttemptUsage | null> => {
  const { rows } = await sql<Row>`
    select a.usage, u.series, a.started_at as "startedAt"
    from attempts a left join attempt_usage u on u.attempt_id = a.id
    where a.id = ${id} and ${inScope(scope, 'a')}`.execute(db)
  const [row] = rows
  if (row === undefined) return null
  // SAFE: parsed by protocol/usage-series-parse.ts before it was stored.
  const series = row.series === null ? null : (JSON.parse(row.series) as UsageSeries)
  return {
    series: series === null ? null : seriesOf(series, row.startedAt),
    peak: row.usage === null ? null : peakOf(row.usage),
    verdict: series === null ? null : verdictOf(series, row.usage?.oomKills ?? 0),
  }
}

/** The runner's clock does not run before the attempt began. */
const seriesOf = (series: UsageSeries, startedAt: Date | null): AttemptUsage['series'] => {
  const { limits } = series
  return {
    started_at: new Date(Math.max(series.startMs, startedAt?.getTime() ?? 0)).toISOString(),
    duration_ms: [...series.ms],
    cpu_milli: series.cpuMilli === null ? null : [...series.cpuMilli],
    memory_kib: series.memoryKiB === null ? null : [...series.memoryKiB],
    disk_kib: [...series.diskKiB],
    sent_bytes: [...series.upBytes],
    received_bytes: [...series.downBytes],
    limits: { cpu_milli: limits.cpuMilli, memory_kib: limits.memoryKiB, disk_kib: limits.diskKiB },
  }
}

const peakOf = (usage: Usage): AttemptUsage['peak'] => ({
  memory_kib: toKiB(usage.peakMemory),
  disk_kib: toKiB(usage.peakRamdisk),
  processes: Math.round(usage.peakPids),
  cpu_ms: Math.round(usage.cpuSeconds * 1000),
  throttled_ms: Math.round(usage.throttledMs),
  oom_kills: Math.round(usage.oomKills),
  sent_bytes: Math.round(usage.egressUp),
  received_bytes: Math.round(usage.egressDown),
})

const toKiB = (bytes: number): number => Math.round(bytes / 1024)

const verdictOf = (series: UsageSeries, oomKills: number): AttemptUsage['verdict'] => {
  const { word, smaller, memoryPercent, diskPercent, cpuPercent } = usageVerdict(series, oomKills)
  return {
    ...{ word, smaller, memory_percent: memoryPercent, disk_percent: diskPercent, cpu_percent: cpuPercent },
  }
}
