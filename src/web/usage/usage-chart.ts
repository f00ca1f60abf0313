// Figures of an attempt as lines to draw and rows to read. Pure; coordinates go from 0 to 1000 across and from 100, which is
// nothing, up to 0.
import type { Step } from '../../protocol/api/shapes.ts'
import type { AttemptUsage } from '../../protocol/api/usage.ts'
import { parseTime } from '../format/time.ts'

export type Series = NonNullable<AttemptUsage['series']>
export type ChartName = 'cpu' | 'memory' | 'disk' | 'network'

export type Chart = {
  readonly name: ChartName
  /** Of each point: thousandths of a core, KiB, or bytes a second. */
  readonly values: readonly number[]
  /** null: the class has none. */
  readonly limit: number | null
  readonly most: number
  /** The figures as an area. */
  readonly area: string
}

export type Moment = { readonly fromMs: number; readonly toMs: number; readonly step: string | null }

export const chartWidth = 1000
export const chartHeight = 100

export const chartsOf = (series: Series): readonly Chart[] => {
  const { limits, duration_ms: durations } = series
  const bytes = series.sent_bytes.map((sent, at) => sent + (series.received_bytes[at] ?? 0))
  const rates = bytes.map((sum, at) => Math.round((sum * 1000) / Math.max(1, durations[at] ?? 1)))
  const lines: readonly (readonly [ChartName, readonly number[] | null, number | null])[] = [
    ['cpu', series.cpu_milli, limits.cpu_milli],
    ['memory', series.memory_kib, limits.memory_kib],
    ['disk', series.disk_kib, limits.disk_kib],
    ['network', rates, null],
  ]
  return lines.flatMap(([name, values, limit]) => {
    if (values === null) return []
    const most = Math.max(0, ...values)
    return [{ name, values, limit, most, area: areaOf(durations, values, Math.max(limit ?? 0, most)) }]
  })
}

/** Every point is as wide as it took. */
const areaOf = (durations: readonly number[], values: readonly number[], full: number): string => {
  const whole = Math.max(1, sum(durations))
  const rounded = (n: number): number => Math.round(n * 10) / 10
  let at = 0
  const tops = values.flatMap((value, i) => {
    const y = rounded(chartHeight - (full === 0 ? 0 : (value / full) * chartHeight))
    const from = rounded((at / whole) * chartWidth)
    at += durations[i] ?? 0
    return [`${from},${y}`, `${rounded((at / whole) * chartWidth)},${y}`]
  })
  return `M0,${chartHeight} L${tops.join(' L')} L${chartWidth},${chartHeight} Z`
}

/** Where steps begin that began while it was read, those of one place together; the first one needs no mark. */
export const stepMarks = (
  series: Series,
  steps: readonly Step[],
): readonly { readonly x: number; readonly name: string }[] => {
  const whole = Math.max(1, sum(series.duration_ms))
  const begin = Date.parse(series.started_at)
  const places = Map.groupBy(steps, ({ started_at }) =>
    Math.round((((parseTime(started_at) ?? begin) - begin) / whole) * chartWidth),
  )
  return [...places].flatMap(([x, all]) =>
    x > 0 && x < chartWidth ? [{ x, name: all.map(({ name }) => name).join(', ') }] : [],
  )
}

/** When each point was, and the step that was under way in its middle. */
export const momentsOf = (series: Series, steps: readonly Step[]): readonly Moment[] => {
  const begin = Date.parse(series.started_at)
  let at = 0
  return series.duration_ms.map((ms) => {
    const [fromMs, toMs] = [at, at + ms]
    at = toMs
    const middle = begin + (fromMs + toMs) / 2
    const step = steps.findLast(
      ({ started_at }) => (parseTime(started_at) ?? Number.POSITIVE_INFINITY) <= middle,
    )
    return { fromMs, toMs, step: step?.name ?? null }
  })
}

/** Centre of a point, across. */
export const centreOf = (series: Series, at: number): number => {
  const before = sum(series.duration_ms.slice(0, at))
  return ((before + (series.duration_ms[at] ?? 0) / 2) / Math.max(1, sum(series.duration_ms))) * chartWidth
}

const sum = (all: readonly number[]): number => all.reduce((total, one) => total + one, 0)
