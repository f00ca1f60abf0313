// PF-46, the cost of a job: processor time of server, vault, database and runner for one no-op job, the sandbox's own not
// counted. The kernel counts in hundredths of a second, so a sample is the mean of many jobs one after another.
import type { BenchInstallation } from '../installation.ts'
import type { Usage } from '../processes.ts'
import type { Scenario } from '../scenario.ts'
import { type KnownTrigger, setUpKnown, triggerKnown, withFreshClient } from '../trigger.ts'

const jobs = 30
const programs = ['server', 'vault', 'postgres', 'runner']
type State = KnownTrigger & { readonly installation: BenchInstallation }

export const cpuMsOf = (usage: Usage | null): number =>
  programs.reduce((sum, program) => sum + (usage?.cpuMs[program] ?? 0), 0)

const scenario: Scenario<State> = {
  ...{ id: 'PF-46', variant: '', unit: 'ms', better: 'lower', goal: { value: 8 }, gate: { value: 20 } },
  title: `Processor time of server, vault, database and runner for one no-op job; mean of ${jobs}`,
  note: 'its definition names no baseline: the ratio is to one millisecond',
  setUp: async (bench) => ({
    ...(await setUpKnown(bench, 'jobs-1')),
    installation: await bench.installation(),
  }),
  baseline: async () => 1,
  subject: (state) =>
    withFreshClient(state, async (trigger) => {
      const before = cpuMsOf(state.installation.usage())
      for (let i = 0; i < jobs; i++) await triggerKnown(trigger)
      return (cpuMsOf(state.installation.usage()) - before) / jobs
    }),
}

export const scenarios = [scenario]
