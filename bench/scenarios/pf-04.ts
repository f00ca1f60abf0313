// PF-04, a no-op job: from the API request until its final state is committed, its log stored, its sandbox gone and the
// receipt written.
import { bwrapFinished } from '../bare.ts'
import { triggerScenarios } from '../trigger.ts'

export const scenarios = triggerScenarios({
  id: 'PF-04',
  baseline: bwrapFinished,
  title:
    'API request sent → final, log stored, sandbox gone, receipt written (baseline bare bwrap, finished)',
  pick: ({ settledMs }) => settledMs,
  peer: ({ noOpMs }) => noOpMs,
  warm: { goal: { ratio: 1.8 }, gate: { ratio: 4 } },
  cold: { goal: { ratio: 3 }, gate: { ratio: 7 } },
})
