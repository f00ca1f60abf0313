// PF-01, push to first output line by path: `git push` spawned until a follower has the first byte of the first step.
import { createRepository } from '../../test/support/git-host.ts'
import type { BenchProject } from '../add-project.ts'
import type { Client } from '../client.ts'
import { projectFiles } from '../projects.ts'
import { installPrintingHook, type Printing, pushUntilFirstLine, pushUntilHookPrints } from '../pushes.ts'
import type { Scenario } from '../scenario.ts'
import { slots } from '../slots.ts'

type State = { readonly client: Client; readonly project: BenchProject; readonly printing: Printing }

const scenario: Scenario<State> = {
  ...{ id: 'PF-01', variant: '', unit: 'ms', better: 'lower', goal: { ratio: 2.5 }, gate: { ratio: 5 } },
  title: 'Push by path → first output line; baseline the same push → a hook that only prints',
  setUp: async ({ installation, directory }) => {
    const under = await installation()
    const { client } = await under.up(slots)
    const repository = await createRepository(directory, 'pf-01', projectFiles('jobs-1'))
    await installPrintingHook(repository)
    const project = await under.project('jobs-1', 'path')
    return { client, project, printing: { repository, push: { url: repository.bare, env: {} } } }
  },
  baseline: ({ printing }) => pushUntilHookPrints(printing),
  subject: ({ project, client }) => pushUntilFirstLine(project, client),
}

export const scenarios = [scenario]
