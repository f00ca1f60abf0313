// PF-03, trigger to first output line: from the API request until a follower has the first byte.
import { bwrapFirstByte } from '../bare.ts'
import { triggerScenarios } from '../trigger.ts'

export const scenarios = triggerScenarios({
  id: 'PF-03',
  baseline: bwrapFirstByte,
  title: 'API request sent → first output line (baseline bare bwrap, first byte)',
  pick: ({ firstLineMs }) => firstLineMs,
  // Those without a server are beside PF-08.
  peer: ({ name, firstLineMs }) => (name === 'gitlab-ci-local' ? undefined : firstLineMs),
  warm: { goal: { ratio: 1.5 }, gate: { ratio: 1.5 } },
  cold: { goal: { ratio: 2.5 }, gate: { ratio: 6 } },
})
