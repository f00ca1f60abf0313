// PF-04, a no-op job: from the API request until its final state is committed, its log stored, its sandbox gone and the
// receipt written. Warm, cold and with planning as in PF-03.
import { bwrapFinished } from '../bare.ts'
import type { Scenario } from '../scenario.ts'
import {
  type KnownTrigger,
  setUpKnown,
  setUpTrigger,
  type Trigger,
  triggerKnown,
  triggerUnknown,
} from '../trigger.ts'

const common = { id: 'PF-04', unit: 'ms', better: 'lower', baseline: bwrapFinished } as const
const title = 'No-op job, plan known → final, log stored, sandbox gone, receipt written'

const warm: Scenario<KnownTrigger> = {
  ...common,
  variant: 'warm',
  ...{ goal: { ratio: 1.8 }, gate: { ratio: 4 } },
  title: `${title}; sandbox prewarmed; baseline bare bwrap, finished`,
  setUp: (bench) => setUpKnown(bench, 'jobs-1'),
  subject: async (state) => (await triggerKnown(state)).settledMs,
}

const cold: Scenario<KnownTrigger> = {
  ...common,
  variant: 'cold',
  ...{ goal: { ratio: 3 }, gate: { ratio: 7 } },
  title: `${title}; no sandbox of the class kept ready; the same baseline`,
  setUp: (bench) => setUpKnown(bench, 'cold-1'),
  subject: async (state) => (await triggerKnown(state)).settledMs,
}

const withPlanning: Scenario<Trigger> = {
  ...common,
  variant: 'with planning',
  ...{ goal: {}, gate: {} },
  title: 'API request sent → all that, the plan made on the way; no limit',
  setUp: setUpTrigger,
  subject: async (state) => (await triggerUnknown(state)).settledMs,
}

export const scenarios = [warm, cold, withPlanning]
