// PF-45, idle processor time: 30 seconds in which nobody asks for anything. The baseline, as many bare Node `http`
// processes and a bare PostgreSQL, is idle in the same 30 seconds: neither takes anything from the other.
import type { ChildProcess } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { startBareNode } from '../bare.ts'
import { type BarePostgres, createBarePostgres } from '../postgres.ts'
import { countNodes, totalOf, usageOf } from '../processes.ts'
import type { Scenario } from '../scenario.ts'
import { slots } from '../slots.ts'

type State = {
  readonly pid: number
  readonly bare: readonly number[]
  readonly close: () => Promise<void>
  /** Of the round whose baseline was measured last. */
  ours: number
}

const idleMs = 30_000

const cpuMsOf = (pids: readonly number[]): number =>
  pids.reduce((sum, pid) => sum + totalOf(usageOf(pid)?.cpuMs ?? {}), 0)

const stopAll = async (children: readonly ChildProcess[], postgres: BarePostgres): Promise<void> => {
  for (const child of children) child.kill()
  await postgres.stop()
}

const scenario: Scenario<State> = {
  ...{ id: 'PF-45', variant: '', unit: 'ms', better: 'lower', goal: { value: 150 }, gate: { value: 300 } },
  title:
    'Processor time of everything in 30 idle seconds; baseline as many bare Node http processes + bare PostgreSQL',
  note: 'both are idle in the same 30 seconds',
  setUp: async ({ installation, directory }) => {
    const { pid } = await (await installation()).up(slots)
    const postgres = await createBarePostgres(directory, 'pf-45')
    await postgres.start()
    const nodes = await Promise.all(Array.from({ length: countNodes(pid) }, startBareNode))
    const bare = [...nodes.map((child) => child.pid ?? 0), await postgres.pid()]
    return { pid, bare, ours: 0, close: () => stopAll(nodes, postgres) }
  },
  baseline: async (state) => {
    const before = { ours: cpuMsOf([state.pid]), bare: cpuMsOf(state.bare) }
    await sleep(idleMs)
    state.ours = cpuMsOf([state.pid]) - before.ours
    return cpuMsOf(state.bare) - before.bare
  },
  subject: async ({ ours }) => ours,
  tearDown: ({ close }) => close(),
}

export const scenarios = [scenario]
