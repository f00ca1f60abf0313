// PF-02, push to first output line over ssh: as PF-01, and the runner fetches over ssh too. OpenSSH on both sides as it
// comes, on loopback.
import type { BenchProject } from '../add-project.ts'
import type { Client } from '../client.ts'
import { installPrintingHook, type Printing, pushUntilFirstLine, pushUntilHookPrints } from '../pushes.ts'
import type { Scenario } from '../scenario.ts'
import { slots } from '../slots.ts'

type State = { readonly client: Client; readonly project: BenchProject; readonly printing: Printing }

const scenario: Scenario<State> = {
  ...{ id: 'PF-02', variant: '', unit: 'ms', better: 'lower', goal: { ratio: 1.4 }, gate: { ratio: 2.2 } },
  title: 'Push over ssh → first output line; baseline the same push → a hook that only prints',
  setUp: async ({ installation }) => {
    const under = await installation()
    const { client } = await under.up(slots)
    const printing = await under.sshRepository('pf-02')
    await installPrintingHook(printing.repository)
    return { client, printing, project: await under.project('jobs-1', 'ssh') }
  },
  baseline: ({ printing }) => pushUntilHookPrints(printing),
  subject: ({ project, client }) => pushUntilFirstLine(project, client),
}

export const scenarios = [scenario]
