// PF-08, `mayfly run` without a server: process start until the first line of the job, in a repository of 50 files whose
// one job needs no checkout. Sandbox and compiler are those of an installation.
import { once } from 'node:events'
import { spawn } from '../../src/sys/index.ts'
import { createRepository } from '../../test/support/git-host.ts'
import { bwrapFinished, nodeStartAndExit } from '../bare.ts'
import { startClock } from '../clock.ts'
import { launcher } from '../installation.ts'
import { marker, projectFiles } from '../projects.ts'
import type { Scenario } from '../scenario.ts'

const deadlineMs = 60_000

const firstLine = async (directory: string): Promise<number> => {
  const elapsed = startClock()
  const child = spawn('sh', [launcher, 'run'], {
    cwd: directory,
    env: { HOME: '/nonexistent' },
    signal: AbortSignal.timeout(deadlineMs),
  })
  let said = ''
  let ms: number | null = null
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (chunk) => {
      said += String(chunk)
      if (ms === null && said.includes(marker)) ms = elapsed()
    })
  const [code] = await once(child, 'close')
  if (code !== 0 || ms === null) throw new Error(`mayfly run ended with ${code}: ${said.slice(-500)}`)
  return ms
}

const scenario: Scenario<string> = {
  ...{ id: 'PF-08', variant: '', unit: 'ms', better: 'lower', goal: { ratio: 3 }, gate: { ratio: 8 } },
  title: '`mayfly run` of a no-op job: process start → first line; baseline Node start and exit + bare bwrap',
  setUp: async ({ directory }) => (await createRepository(directory, 'pf-08', projectFiles('jobs-1'))).work,
  baseline: async () => (await nodeStartAndExit()) + (await bwrapFinished()),
  subject: firstLine,
  // Those with a server are beside PF-03.
  peer: ({ name, firstLineMs }) => (name === 'gitlab-ci-local' ? firstLineMs : undefined),
}

export const scenarios = [scenario]
