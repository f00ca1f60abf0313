// PF-15, a big log in the browser: opening it at the failure, jumping, memory, and frames while following. The page as people
// get it, in Chromium, before the double of its tests: what the server takes for its part is PF-12's. The baseline is a log a
// hundred times shorter, so the ratio says how flat it is.
import type { Browser } from 'playwright-core'
import { type BigLogCosts, measureFollowing, measureReading } from '../../test/web/big-log.ts'
import { openBrowser } from '../../test/web/double/browser.ts'
import { type BuiltWeb, buildWeb } from '../../test/web/double/build.ts'
import { type Double, startDouble } from '../../test/web/double/server.ts'
import type { Limit, Scenario, Unit } from '../scenario.ts'

type State = { readonly web: BuiltWeb; readonly double: Double; readonly browser: Browser }

const shortLines = 10_000
const longLines = 1_000_000

const setUp = async (): Promise<State> => {
  const web = await buildWeb()
  return { web, double: await startDouble(web.root), browser: await openBrowser() }
}
const tearDown = async ({ web, double, browser }: State): Promise<void> => {
  await browser.close()
  await double.close()
  await web.remove()
}

const reading = (
  variant: string,
  title: string,
  what: keyof BigLogCosts,
  limits: { readonly unit: Unit; readonly goal: Limit; readonly gate: Limit },
): Scenario<State> => ({
  ...{ id: 'PF-15', variant, title, better: 'lower', setUp, tearDown, ...limits },
  baseline: async ({ browser, double }) => (await measureReading(browser, double, shortLines))[what],
  subject: async ({ browser, double }) => (await measureReading(browser, double, longLines))[what],
})

/** Of all frames drawn meanwhile, the one that 95 of 100 are not longer than. */
const frames = async ({ browser, double }: State, perSecond: number): Promise<number> => {
  const { frameMs } = await measureFollowing(browser, double, { perSecond, seconds: 4 })
  return frameMs[Math.floor(frameMs.length * 0.95)] ?? 0
}

export const scenarios: readonly Scenario<State>[] = [
  reading('open', '1,000,000 lines, click on the job → the failure on screen; baseline 10,000', 'openMs', {
    ...{ unit: 'ms', goal: { value: 1_000 }, gate: { value: 2_000 } },
  }),
  reading('jump', 'the slowest of five jumps in 1,000,000 lines; baseline 10,000', 'jumpMs', {
    ...{ unit: 'ms', goal: { value: 300 }, gate: { value: 600 } },
  }),
  reading('memory', 'what page and worker grow by with 1,000,000 lines; baseline 10,000', 'memoryMiB', {
    ...{ unit: 'MiB', goal: { value: 150 }, gate: { value: 200 } },
  }),
  {
    ...{ id: 'PF-15', variant: 'follow', unit: 'ms', better: 'lower', setUp, tearDown },
    title: 'time of a frame (p95) while 2,000 lines a second are followed; baseline 20 a second',
    // One frame at 60 a second, and what the clock of the page rounds.
    ...{ goal: { value: 17.5 }, gate: { value: 34 } },
    baseline: (state) => frames(state, 20),
    subject: (state) => frames(state, 2_000),
  },
]
