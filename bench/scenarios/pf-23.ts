// PF-23, a plan: its commit is known (the API request is sent) until a follower sees the jobs of the stored plan. Each
// sample has a commit of its own; the sandbox of the compiler waits, as it does in any running installation.
import type { Run } from '../../src/protocol/api/shapes.ts'
import { commitOnBranch } from '../../test/support/git-host.ts'
import { bwrapFinished, nodeStartAndExit } from '../bare.ts'
import { plannedJobs, waitUntilPassed } from '../client.ts'
import { startClock } from '../clock.ts'
import type { Scenario } from '../scenario.ts'
import { slots } from '../slots.ts'
import type { Trigger } from '../trigger.ts'

/** Commits of one second are one commit unless they say something else. */
let made = 0

const planOnce = async ({ client, project }: Trigger): Promise<number> => {
  const commit = commitOnBranch(project.repository.bare, `planned-${++made}`)
  const elapsed = startClock()
  const { id, plan_of } = await client.post<Run>('/api/v1/runs', { project: project.name, commit })
  if (plan_of !== null) throw new Error('the plan was known already')
  const changes = await client.follow(`run:${id}`)
  await changes.next(plannedJobs)
  const ms = elapsed()
  changes.stop()
  await waitUntilPassed(client, id)
  return ms
}

const scenario: Scenario<Trigger> = {
  ...{ id: 'PF-23', variant: 'prewarmed', unit: 'ms', better: 'lower' },
  ...{ goal: { ratio: 0.5 }, gate: { ratio: 5 } },
  title: 'Commit known → plan stored, 20-line configuration; baseline Node start + bare bwrap',
  setUp: async ({ installation }) => {
    const under = await installation()
    const { client } = await under.up(slots)
    return { client, project: await under.project('jobs-1', 'path') }
  },
  baseline: async () => (await nodeStartAndExit()) + (await bwrapFinished()),
  subject: planOnce,
}

export const scenarios = [scenario]
