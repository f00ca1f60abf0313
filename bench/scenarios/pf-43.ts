// PF-43, start with data that exists: process start of `mayfly up` until it is healthy and its runner is connected.
import { nodeStartAndExit } from '../bare.ts'
import { startClock } from '../clock.ts'
import type { BenchInstallation } from '../installation.ts'
import { type BarePostgres, createBarePostgres } from '../postgres.ts'
import type { Scenario } from '../scenario.ts'
import { slots } from '../slots.ts'

type State = { readonly installation: BenchInstallation; readonly postgres: BarePostgres }

const scenario: Scenario<State> = {
  ...{ id: 'PF-43', variant: '', unit: 'ms', better: 'lower' },
  ...{ goal: { ratio: 5, value: 1_100 }, gate: { value: 2_500 } },
  title: '`mayfly up` on existing data → healthy, runner connected; baseline `pg_ctl start` + Node start',
  setUp: async ({ installation, directory }) => {
    const under = await installation()
    await under.up(slots)
    await under.down()
    return { installation: under, postgres: await createBarePostgres(directory, 'pf-43') }
  },
  baseline: async ({ postgres }) => {
    const elapsed = startClock()
    await postgres.start()
    const ms = elapsed()
    await postgres.stop()
    return ms + (await nodeStartAndExit())
  },
  subject: async ({ installation }) => {
    const { startMs } = await installation.up(slots)
    await installation.down()
    return startMs
  },
  peer: ({ startMs }) => startMs,
}

export const scenarios = [scenario]
