// `npm run bench -- --trace ROW`: one sample of a row as a waterfall, from the traces that any installation sends when its
// settings name a collector. It times nothing: sending them is work too.
import { setTimeout as sleep } from 'node:timers/promises'
import { startClock } from '../clock.ts'
import { holdInstallation } from '../held-installation.ts'
import { nameOf, type Scenario } from '../scenario.ts'
import { openCollector } from './collector.ts'
import { formatWaterfall } from './waterfall.ts'

const warmUps = 5
const waitMs = 20_000
const lookEveryMs = 100

export const traceSample = async (scenario: Scenario, directory: string): Promise<string> => {
  const collector = await openCollector()
  const held = holdInstallation(directory, { traces: collector.endpoint })
  try {
    const state = await scenario.setUp?.({ directory, installation: held.installation })
    if (held.current() === null) throw new Error(`${nameOf(scenario)} starts no run that could be traced`)
    for (let round = 0; round < warmUps; round++) await scenario.subject(state)
    const since = Date.now()
    await scenario.subject(state)
    const elapsed = startClock()
    while (elapsed() < waitMs) {
      const [newest] = collector.traces().slice(-1)
      if (newest?.every(({ start }) => start >= since)) return formatWaterfall(newest)
      await sleep(lookEveryMs)
    }
    throw new Error(`no trace of the sample of ${nameOf(scenario)} came within ${waitMs / 1000} s`)
  } finally {
    await held.close()
    collector.close()
  }
}
