// PF-06, a chain: 20 no-op jobs, each needs the one before; from the API request until a follower sees the run finished.
import type { Run } from '../../src/protocol/api/shapes.ts'
import { bwrapFinished } from '../bare.ts'
import { type Client, passedRun } from '../client.ts'
import { startClock } from '../clock.ts'
import type { BenchInstallation } from '../installation.ts'
import type { Scenario } from '../scenario.ts'
import { type KnownTrigger, setUpKnown } from '../trigger.ts'

const count = 20
type State = KnownTrigger & { readonly installation: BenchInstallation }

/** Without a commit the plan is looked for at the tip, and found where an earlier run made it. */
const runOnce = async (client: Client, of: { project: string; commit?: string }): Promise<number> => {
  const elapsed = startClock()
  const { id } = await client.post<Run>('/api/v1/runs', of)
  const changes = await client.follow(`run:${id}`)
  await changes.next(passedRun)
  const ms = elapsed()
  changes.stop()
  return ms
}

const scenario: Scenario<State> = {
  ...{ id: 'PF-06', variant: '', unit: 'ms', better: 'lower', goal: { ratio: 2 }, gate: { ratio: 4 } },
  title: `${count} no-op jobs, each after the one before: start → run finished; baseline ${count} bare bwrap one after another`,
  growth: {
    ...{ of: 'jobs between a first and a last', sizes: [50, 100, 200], exponentMax: 1.15 },
    at: async (state, size) => {
      const project = await state.installation.project(`fan-${size}`, 'path')
      return runOnce(state.client, { project: project.name })
    },
  },
  setUp: async (bench) => ({
    ...(await setUpKnown(bench, `chain-${count}`)),
    installation: await bench.installation(),
  }),
  baseline: async () => {
    const elapsed = startClock()
    for (let i = 0; i < count; i++) await bwrapFinished()
    return elapsed()
  },
  subject: ({ client, project, commit }) => runOnce(client, { project: project.name, commit }),
  peer: ({ chainMs }) => chainMs && (() => chainMs(count)),
}

export const scenarios = [scenario]
