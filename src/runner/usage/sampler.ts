// Asks a sandbox about once a second what it uses, and less often the longer it lives. What is shorter than the first second is
// never asked. A reading that fails ends the readings, not the attempt.
import type { Clock } from '../../base/clock.ts'
import type { UsageSeries } from '../../protocol/usage-series.ts'
import type { Limits, Sandbox } from '../../sandbox/index.ts'
import { samplePointMs, sampleSlowestMs } from '../limits.ts'
import { createUsagePoints } from './points.ts'

export interface Sampler {
  /** What is known by now; null: nothing. */
  series(): UsageSeries | null
  /** With a last reading, when there were others; the sandbox still stands. Idempotent. */
  finish(): Promise<UsageSeries | null>
  stop(): void
}

export const startSampler = (
  { clock }: { readonly clock: Clock },
  sandbox: Pick<Sandbox, 'reading'>,
  limits: Limits,
): Sampler => {
  const points = createUsagePoints(clock.now(), limits)
  let readMs = clock.monotonicMs()
  let isOver = false
  let timer: NodeJS.Timeout | undefined
  let reading: Promise<void> = Promise.resolve()

  const read = async (): Promise<void> => {
    try {
      const found = await sandbox.reading()
      const now = clock.monotonicMs()
      points.add(found, now - readMs)
      readMs = now
    } catch {
      isOver = true
    }
  }
  const wait = (): void => {
    if (isOver) return
    timer = setTimeout(
      () => {
        reading = read().then(wait)
      },
      Math.min(points.pointMs(), sampleSlowestMs),
    )
  }
  const stop = (): void => {
    isOver = true
    clearTimeout(timer)
  }
  wait()
  return {
    series: points.series,
    finish: async () => {
      const wasOver = isOver
      stop()
      await reading
      if (!wasOver && points.series() !== null && clock.monotonicMs() - readMs >= samplePointMs / 4)
        await read()
      return points.series()
    },
    stop,
  }
}
