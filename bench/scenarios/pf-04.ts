// PF-04, a no-op job: until its final state is committed, its log stored, its sandbox gone and the receipt written. As
// in PF-03 the limits are for a known plan, and the whole way stands beside.
import { bwrapFinished } from '../bare.ts'
import type { Scenario } from '../scenario.ts'
import { planNote, setUpTrigger, type Trigger, triggerRun } from '../trigger.ts'

const common = {
  id: 'PF-04',
  unit: 'ms',
  better: 'lower',
  setUp: setUpTrigger,
  baseline: bwrapFinished,
} as const

const planKnown: Scenario<Trigger> = {
  ...common,
  variant: 'plan known',
  ...{ goal: { ratio: 1.8 }, gate: { ratio: 7 } },
  title: 'No-op job → final, log stored, sandbox gone, receipt written; baseline bare bwrap, finished',
  note: planNote,
  subject: async (state) => {
    const { plannedMs, settledMs } = await triggerRun(state)
    return settledMs - plannedMs
  },
}

const wholeWay: Scenario<Trigger> = {
  ...common,
  variant: 'with planning',
  ...{ goal: {}, gate: {} },
  title: 'API request sent → all that, the plan made on the way; no limit',
  subject: async (state) => (await triggerRun(state)).settledMs,
}

export const scenarios = [planKnown, wholeWay]
