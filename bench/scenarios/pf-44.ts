// PF-44, idle memory: PSS of all processes of the installation, PostgreSQL and waiting sandboxes included. The baseline is
// as many bare Node `http` processes and a bare PostgreSQL. Never both at once: they would share pages and look smaller.
import { setTimeout as sleep } from 'node:timers/promises'
import { startBareNode } from '../bare.ts'
import type { BenchInstallation } from '../installation.ts'
import { type BarePostgres, createBarePostgres } from '../postgres.ts'
import { countNodes, pidsBelow, pssOf } from '../processes.ts'
import type { Scenario } from '../scenario.ts'
import { slots } from '../slots.ts'

type State = {
  readonly installation: BenchInstallation
  readonly postgres: BarePostgres
  /** How many processes of the installation run Node. */
  readonly nodes: number
}

/** What a start leaves behind has been collected and handed back by then. */
const idleMs = 5_000
const mib = 1024 ** 2

const bareMemory = async ({ postgres, nodes }: State): Promise<number> => {
  await postgres.start()
  const children = await Promise.all(Array.from({ length: nodes }, startBareNode))
  try {
    await sleep(idleMs)
    const pids = children.map(({ pid }) => pid ?? 0)
    return pssOf([...pids, ...pidsBelow(await postgres.pid())]) / mib
  } finally {
    for (const child of children) child.kill()
    await postgres.stop()
  }
}

const ourMemory = async ({ installation }: State): Promise<number> => {
  const { pid } = await installation.up(slots)
  await sleep(idleMs)
  const bytes = pssOf(pidsBelow(pid))
  await installation.down()
  return bytes / mib
}

const scenario: Scenario<State> = {
  ...{ id: 'PF-44', variant: '', unit: 'MiB', better: 'lower', goal: { ratio: 2 }, gate: { ratio: 3 } },
  title: 'Idle memory of everything; baseline as many bare Node http processes + bare PostgreSQL',
  setUp: async ({ installation, directory }) => {
    const under = await installation()
    const { pid } = await under.up(slots)
    const nodes = countNodes(pid)
    await under.down()
    return { installation: under, nodes, postgres: await createBarePostgres(directory, 'pf-44') }
  },
  baseline: bareMemory,
  subject: ourMemory,
  peer: ({ idleMib }) => idleMib,
}

export const scenarios = [scenario]
