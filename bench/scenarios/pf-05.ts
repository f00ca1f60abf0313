// PF-05, jobs per minute: 100 no-op jobs queued at once until all are finished, with 8 slots and with 2. The clock starts
// when a follower sees them queued; the baseline runs as many bare sandboxes at the same concurrency.
import type { Run } from '../../src/protocol/api/shapes.ts'
import { bwrapRate } from '../bare.ts'
import { passedRun } from '../client.ts'
import { startClock } from '../clock.ts'
import type { BenchInstallation } from '../installation.ts'
import type { Scenario } from '../scenario.ts'
import { fewSlots, slots as manySlots } from '../slots.ts'
import type { Trigger } from '../trigger.ts'

const count = 100
type State = Trigger & { readonly installation: BenchInstallation }

/** Milliseconds from all queued to all finished. */
const runAll = async ({ client, project }: Trigger, count: number): Promise<number> => {
  const { id } = await client.post<Run>('/api/v1/runs', { project: project.name })
  const changes = await client.follow(`run:${id}`)
  let elapsed: (() => number) | null = null
  await changes.next((message) => {
    if (message.t === 'run' && message.jobs.length >= count) elapsed ??= startClock()
    return passedRun(message)
  })
  changes.stop()
  // SAFE: the callback above sets it; the compiler does not look into callbacks.
  const ms = (elapsed as (() => number) | null)?.()
  if (ms === undefined) throw new Error(`the run never showed ${count} jobs`)
  return ms
}

const row = (slots: number): Scenario<State> => ({
  id: 'PF-05',
  variant: `${slots} slots`,
  ...{ unit: 'jobs/s', better: 'higher', goal: { ratio: 0.6 }, gate: { ratio: 0.12 } },
  title: `${count} no-op jobs queued at once → all finished; baseline ${count} bare bwrap, ${slots} at once`,
  growth: {
    ...{ of: 'jobs queued', sizes: [100, 200, 500] },
    // A tenth more time for each job at ten times as many.
    exponentMax: 1.05,
    at: async ({ client, installation }, size) =>
      runAll({ client, project: await installation.project(`jobs-${size}`, 'path') }, size),
  },
  setUp: async (bench) => {
    const installation = await bench.installation()
    const { client } = await installation.up(slots)
    return { client, installation, project: await installation.project(`jobs-${count}`, 'path') }
  },
  baseline: () => bwrapRate(count, slots),
  subject: async (state) => (count / (await runAll(state, count))) * 1000,
  peer: ({ jobsPerSecond }) => jobsPerSecond && (() => jobsPerSecond(count, slots)),
})

export const scenarios = [row(manySlots), row(fewSlots)]
