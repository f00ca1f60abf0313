// What a series says about the class a job runs in, in numbers and one word; sentences are made where they are read.
import type { UsageLimits, UsageSeries } from './usage-series.ts'

export type UsageVerdict = {
  /** The most of its class that was used, in hundredths. null: not measured. */
  readonly memoryPercent: number | null
  readonly diskPercent: number
  /** Of its processor time, over the whole. */
  readonly cpuPercent: number | null
  /**
   * `larger`: it met a bound. `smaller`: all of it would have fitted into the next smaller class, with room. `unmeasured`: nobody
   * can say.
   */
  readonly word: 'fits' | 'smaller' | 'larger' | 'unmeasured'
  /** The name of the smaller class. */
  readonly smaller: string | null
}

/** Of a class this much may be used before a larger one is worth a thought, and of a smaller one before it is too small. */
const tight = 95
const roomy = 80

/** `oomKills`: how often the kernel ended something of it for want of memory. */
export const usageVerdict = (series: UsageSeries, oomKills: number): UsageVerdict => {
  const used = usedOf(series)
  const shares = sharesOf(used, series.limits)
  const { memoryPercent, diskPercent, cpuPercent } = shares
  const base = { memoryPercent, diskPercent, cpuPercent, smaller: null }
  if (oomKills > 0 || (memoryPercent ?? 0) >= tight || diskPercent >= tight)
    return { ...base, word: 'larger' }
  if (memoryPercent === null || cpuPercent === null) return { ...base, word: 'unmeasured' }
  if (series.smaller === null) return { ...base, word: 'fits' }
  const inSmaller = sharesOf(used, series.smaller)
  const isRoomy = [inSmaller.memoryPercent, inSmaller.diskPercent, inSmaller.cpuPercent].every(
    (share) => (share ?? 0) <= roomy,
  )
  return isRoomy ? { ...base, word: 'smaller', smaller: series.smaller.name } : { ...base, word: 'fits' }
}

const usedOf = ({ ms, cpuMilli, memoryKiB, diskKiB }: UsageSeries) => {
  const whole = ms.reduce((sum, one) => sum + one, 0)
  const cpu = cpuMilli?.reduce((sum, milli, at) => sum + milli * (ms[at] ?? 0), 0)
  return {
    memoryKiB: memoryKiB === null ? null : Math.max(0, ...memoryKiB),
    diskKiB: Math.max(0, ...diskKiB),
    cpuMilli: cpu === undefined ? null : cpu / Math.max(1, whole),
  }
}

const sharesOf = (used: ReturnType<typeof usedOf>, limits: UsageLimits) => ({
  memoryPercent: used.memoryKiB === null ? null : percent(used.memoryKiB, limits.memoryKiB),
  diskPercent: percent(used.diskKiB, limits.diskKiB),
  cpuPercent: used.cpuMilli === null ? null : percent(used.cpuMilli, limits.cpuMilli),
})

const percent = (part: number, whole: number): number => (whole <= 0 ? 0 : Math.round((part / whole) * 100))
