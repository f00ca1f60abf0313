// What this runner's walls hold, measured by itself (isolation.md §11): soon after the start and about every hour it
// tries the isolation suite in a sandbox of its own driver. What the last run did not show is not claimed; a probe
// that got out ends the taking of work until a later run is clean. No hand can set any of it.
import { setTimeout as sleep } from 'node:timers/promises'
import type { RandomBytes } from '../base/clock.ts'
import type { Log } from '../base/log.ts'
import { classes, type Driver, type Measured, type SandboxSpec } from '../sandbox/index.ts'
import { measureEveryMs, measureMs, measureSpreadMs } from './limits.ts'
import { emptySandbox } from './sandbox-spec.ts'

export type Isolation = Pick<Measured, 'stops'> & {
  readonly tier: Measured['tier']
  readonly measuredAt: string | null
  /** In words: what is weaker than the driver is built to be. */
  readonly weak: readonly string[]
  /** False: something got out of a sandbox. */
  readonly holds: boolean
}

export const notMeasuredYet: Isolation = {
  tier: 'none',
  measuredAt: null,
  stops: [],
  weak: ['the isolation of this runner has not been measured yet'],
  holds: true,
}

/** Small, and with a gateway that lets nothing through, so that it can be tried. */
export const measureSpec: SandboxSpec = {
  ...emptySandbox('measure', classes.tiny.limits, measureMs),
  egress: { mode: 'list', allow: [], privateRanges: [] },
}

export const readMeasured = ({ tier, at, stops, probes }: Measured): Isolation => ({
  ...{ tier, measuredAt: at, stops },
  weak: probes.flatMap(({ id, verdict, detail }) =>
    verdict === 'open'
      ? [`probe ${id} got out: ${detail}`]
      : verdict === 'not-run'
        ? [`probe ${id} could not be tried: ${detail}`]
        : [],
  ),
  holds: probes.every(({ verdict }) => verdict !== 'open'),
})

export type IsolationDeps = {
  readonly driver: Pick<Driver, 'measure'>
  readonly log: Log
  /** The minute of the next run is nobody's to know. */
  readonly randomBytes: RandomBytes
  readonly onMeasured: (isolation: Isolation) => void
  /** Ends early, and quietly, with the signal. */
  readonly wait?: (ms: number, signal: AbortSignal) => Promise<void>
}

/** The first run begins at once. `close` resolves when no sandbox of ours is open any more. */
export const keepMeasured = (deps: IsolationDeps): { readonly close: () => Promise<void> } => {
  const stopping = new AbortController()
  const { signal } = stopping
  const wait = deps.wait ?? waitQuietly
  const forever = async (): Promise<void> => {
    while (!signal.aborted) {
      const found = await measureOnce(deps, AbortSignal.any([signal, AbortSignal.timeout(measureMs)]))
      if (signal.aborted) return
      deps.onMeasured(found)
      const part = (deps.randomBytes(1)[0] ?? 0) / 256
      await wait(measureEveryMs - Math.round(part * measureSpreadMs), signal)
    }
  }
  const ended = forever()
  return {
    close: () => {
      stopping.abort()
      return ended
    },
  }
}

const waitQuietly = (ms: number, signal: AbortSignal): Promise<void> =>
  sleep(ms, undefined, { signal }).catch(() => undefined)

const measureOnce = async ({ driver, log }: IsolationDeps, signal: AbortSignal): Promise<Isolation> => {
  try {
    const found = readMeasured(await driver.measure(signal))
    if (found.holds) log.info('isolation measured', { tier: found.tier, weak: found.weak })
    else log.error('something got out of a sandbox: no more work until it holds again', { weak: found.weak })
    return found
  } catch (error) {
    log.warn('the isolation could not be measured', { error })
    return { ...notMeasuredYet, weak: ['the isolation of this runner could not be measured'] }
  }
}
