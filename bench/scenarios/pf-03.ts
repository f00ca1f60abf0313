// PF-03, trigger to first output line: from the API request until a follower has the first byte. The plan is known; warm
// and cold say whether a sandbox of the job's class is kept ready. The whole way, plan included, is a row of its own.
import { bwrapFirstByte } from '../bare.ts'
import type { Scenario } from '../scenario.ts'
import {
  type KnownTrigger,
  setUpKnown,
  setUpTrigger,
  type Trigger,
  triggerKnown,
  triggerUnknown,
} from '../trigger.ts'

const common = { id: 'PF-03', unit: 'ms', better: 'lower', baseline: bwrapFirstByte } as const
const title = 'API request sent → first output line, plan known'

const warm: Scenario<KnownTrigger> = {
  ...common,
  variant: 'warm',
  ...{ goal: { ratio: 1.5 }, gate: { ratio: 1.5 } },
  title: `${title}, sandbox prewarmed; baseline bare bwrap, first byte`,
  setUp: (bench) => setUpKnown(bench, 'jobs-1'),
  subject: async (state) => (await triggerKnown(state)).firstLineMs,
}

const cold: Scenario<KnownTrigger> = {
  ...common,
  variant: 'cold',
  ...{ goal: { ratio: 2.5 }, gate: { ratio: 6 } },
  title: `${title}, no sandbox of the class kept ready; the same baseline`,
  setUp: (bench) => setUpKnown(bench, 'cold-1'),
  subject: async (state) => (await triggerKnown(state)).firstLineMs,
}

const withPlanning: Scenario<Trigger> = {
  ...common,
  variant: 'with planning',
  ...{ goal: {}, gate: {} },
  title: 'API request sent → first output line, the plan made on the way; no limit',
  setUp: setUpTrigger,
  subject: async (state) => (await triggerUnknown(state)).firstLineMs,
}

export const scenarios = [warm, cold, withPlanning]
