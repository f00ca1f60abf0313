// PF-47, neighbours: trigger to first line (PF-03, p95) while another job bombs processor, memory, disk and log; the
// baseline is the same without it.
import type { Run } from '../../src/protocol/api/shapes.ts'
import { finalStatuses } from '../../test/support/api.ts'
import type { BenchProject } from '../add-project.ts'
import { firstAttempt } from '../client.ts'
import type { BenchInstallation } from '../installation.ts'
import type { Scenario } from '../scenario.ts'
import { type KnownTrigger, setUpKnown, triggerKnown, withFreshClient } from '../trigger.ts'

const samples = 20
const bombSeconds = 10
type State = KnownTrigger & { readonly bombs: BenchProject; readonly installation: BenchInstallation }

const p95 = (state: State): Promise<number> => withFreshClient(state, p95Of)

const p95Of = async (trigger: KnownTrigger): Promise<number> => {
  const values: number[] = []
  for (let i = 0; i < samples; i++) values.push((await triggerKnown(trigger)).firstLineMs)
  return values.toSorted((a, b) => a - b)[Math.ceil(samples * 0.95) - 1] ?? Number.NaN
}

/** What the bombs end with is their own business; that they end is not. */
const underBombs = async (state: State): Promise<number> => {
  const { client, bombs } = state
  const { id } = await client.post<Run>('/api/v1/runs', { project: bombs.name })
  const { id: attempt } = await firstAttempt(client, id)
  const log = await client.follow(`log:${attempt}`)
  await log.next((message) => (message.t === 'frame' ? true : null))
  log.stop()
  const value = await p95(state)
  const changes = await client.follow(`run:${id}`)
  await changes.next((message) =>
    message.t === 'run' && finalStatuses.has(message.run.status) ? message.run : null,
  )
  changes.stop()
  return value
}

const scenario: Scenario<State> = {
  ...{ id: 'PF-47', variant: '', unit: 'ms', better: 'lower', goal: { ratio: 2 }, gate: { ratio: 4 } },
  title: `API request sent → first output line, p95 of ${samples}, while a job bombs cpu, memory, disk and log; baseline without`,
  setUp: async (bench) => ({
    ...(await setUpKnown(bench, 'jobs-1')),
    installation: await bench.installation(),
    bombs: await (await bench.installation()).project(`bombs-${bombSeconds}`, 'path'),
  }),
  baseline: p95,
  subject: underBombs,
}

export const scenarios = [scenario]
