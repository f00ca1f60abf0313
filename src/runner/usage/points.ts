// Readings of a sandbox become points of a series: at most `usagePointsMax`, which are joined in pairs when there is no room.
// So a series of a day costs what one of two minutes does.
import { type UsageLimits, type UsageSeries, usagePointsMax } from '../../protocol/usage-series.ts'
import type { Limits, Reading } from '../../sandbox/index.ts'
import { nextSmaller } from '../../sandbox/index.ts'
import { samplePointMs } from '../limits.ts'

type Point = {
  ms: number
  /** Milliseconds of processor time. */
  cpuMs: number
  memory: number
  disk: number
  up: number
  down: number
}

export interface UsagePoints {
  /** A reading `ms` after the one before, or after the beginning. */
  add(reading: Reading, ms: number): void
  /** null: nothing was read yet. */
  series(): UsageSeries | null
  /** How long a point is by now. */
  pointMs(): number
}

export const createUsagePoints = (startMs: number, limits: Limits): UsagePoints => {
  let points: Point[] = []
  let pointMs = samplePointMs
  let isMeasured = true
  let before: Reading = { processes: null, ramdisk: 0, up: 0, down: 0 }
  const add = (reading: Reading, ms: number): void => {
    isMeasured &&= reading.processes !== null
    const point = pointOf(before, reading, Math.max(1, Math.round(ms)))
    before = reading
    const last = points.at(-1)
    // Nearly as long as one should be is long enough: a timer is never early by much.
    if (last !== undefined && last.ms < pointMs * 0.75) points[points.length - 1] = join(last, point)
    else points.push(point)
    if (points.length <= usagePointsMax) return
    points = inPairs(points)
    pointMs *= 2
  }
  const series = (): UsageSeries | null => {
    if (points.length === 0) return null
    const smaller = nextSmaller(limits)
    return {
      startMs,
      ms: points.map((point) => point.ms),
      cpuMilli: isMeasured ? points.map(({ cpuMs, ms }) => Math.round((cpuMs / ms) * 1000)) : null,
      memoryKiB: isMeasured ? points.map(({ memory }) => toKiB(memory)) : null,
      diskKiB: points.map(({ disk }) => toKiB(disk)),
      upBytes: points.map(({ up }) => up),
      downBytes: points.map(({ down }) => down),
      limits: sizesOf(limits),
      smaller: smaller === null ? null : { name: smaller.name, ...sizesOf(smaller.limits) },
    }
  }
  return { add, series, pointMs: () => pointMs }
}

/** Counters never run backwards, whatever a reading says. */
const grown = (from: number, to: number): number => Math.max(0, to - from)

const pointOf = (before: Reading, now: Reading, ms: number): Point => ({
  ms,
  cpuMs: grown(before.processes?.cpuSeconds ?? 0, now.processes?.cpuSeconds ?? 0) * 1000,
  memory: now.processes?.memory ?? 0,
  disk: now.ramdisk,
  up: Math.round(grown(before.up, now.up)),
  down: Math.round(grown(before.down, now.down)),
})

const join = (a: Point, b: Point): Point => ({
  ms: a.ms + b.ms,
  cpuMs: a.cpuMs + b.cpuMs,
  memory: Math.max(a.memory, b.memory),
  disk: Math.max(a.disk, b.disk),
  up: a.up + b.up,
  down: a.down + b.down,
})

const inPairs = (points: readonly Point[]): Point[] =>
  points.flatMap((point, at) => {
    const next = points[at + 1]
    return at % 2 === 1 ? [] : [next === undefined ? point : join(point, next)]
  })

const toKiB = (bytes: number): number => Math.round(Math.max(0, bytes) / 1024)

const sizesOf = ({ cpu, memory, ramdisk }: Pick<Limits, 'cpu' | 'memory' | 'ramdisk'>): UsageLimits => ({
  cpuMilli: Math.round(cpu * 1000),
  memoryKiB: toKiB(memory),
  diskKiB: toKiB(ramdisk),
})
