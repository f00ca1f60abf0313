// PF-46, the cost of a job: processor time of server, vault, database and runner for one no-op job, the sandbox's own not
// counted. The kernel counts in hundredths of a second, so a sample is the mean of many jobs one after another.
import type { Run } from '../../src/protocol/api/shapes.ts'
import { waitUntilPassed } from '../client.ts'
import type { BenchInstallation } from '../installation.ts'
import type { Usage } from '../processes.ts'
import type { Limit, Scenario } from '../scenario.ts'
import { type KnownTrigger, setUpKnown, triggerKnown, withFreshClient } from '../trigger.ts'

const jobs = 30
const programs = ['server', 'vault', 'postgres', 'runner']
type State = KnownTrigger & { readonly installation: BenchInstallation }

export const cpuMsOf = (usage: Usage | null): number =>
  programs.reduce((sum, program) => sum + (usage?.cpuMs[program] ?? 0), 0)

/** Whoever follows its log makes it cost more: that row shows by how much, and has no limit. */
const row = (
  variant: string,
  limits: { readonly goal: Limit; readonly gate: Limit },
  once: (trigger: KnownTrigger) => Promise<unknown>,
): Scenario<State> => ({
  ...{ id: 'PF-46', variant, unit: 'ms', better: 'lower', ...limits },
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
      for (let i = 0; i < jobs; i++) await once(trigger)
      return (cpuMsOf(state.installation.usage()) - before) / jobs
    }),
  peer: ({ jobCpuMs }) => jobCpuMs,
})

/** Asked for, then followed by its run alone: what ends before anybody looks is sent in one piece (decision 0010). */
const runAlone = async ({ client, project, commit }: KnownTrigger): Promise<void> => {
  const { id } = await client.post<Run>('/api/v1/runs', { project: project.name, commit })
  await waitUntilPassed(client, id)
}

export const scenarios = [
  row('', { goal: { value: 8 }, gate: { value: 20 } }, runAlone),
  row('log followed', { goal: {}, gate: {} }, triggerKnown),
]
