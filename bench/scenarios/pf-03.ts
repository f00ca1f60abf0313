// PF-03, trigger to first output line: until a follower has the first byte. The limits are for a known plan; the whole
// way from the API request, plan included, is a row of its own beside them, so that the table hides nothing.
import { bwrapFirstByte } from '../bare.ts'
import type { Scenario } from '../scenario.ts'
import { planNote, setUpTrigger, type Trigger, triggerRun } from '../trigger.ts'

const common = {
  id: 'PF-03',
  unit: 'ms',
  better: 'lower',
  setUp: setUpTrigger,
  baseline: bwrapFirstByte,
} as const

const planKnown: Scenario<Trigger> = {
  ...common,
  variant: 'plan known',
  ...{ goal: { ratio: 1.5 }, gate: { ratio: 6 } },
  title: 'Trigger → first output line; baseline bare bwrap, first byte',
  note: planNote,
  subject: async (state) => {
    const { plannedMs, firstLineMs } = await triggerRun(state)
    return firstLineMs - plannedMs
  },
}

const wholeWay: Scenario<Trigger> = {
  ...common,
  variant: 'with planning',
  ...{ goal: {}, gate: {} },
  title: 'API request sent → first output line, the plan made on the way; no limit',
  subject: async (state) => (await triggerRun(state)).firstLineMs,
}

export const scenarios = [planKnown, wholeWay]
