// A `git push` as a sample: from its start until something is seen, either the hook's own words or what the
// installation made of it.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { TestRepository } from '../test/support/git-host.ts'
import { type BenchProject, commit, gitEnvironment, type PushAddress } from './add-project.ts'
import { type Client, firstText, type LiveMessage, waitUntilPassed } from './client.ts'
import { startClock } from './clock.ts'
import { marker } from './projects.ts'

export type Printing = { readonly repository: TestRepository; readonly push: PushAddress }

const words = 'the hook runs'

/** The hook of the baseline: it only prints. */
export const installPrintingHook = async ({ bare }: TestRepository): Promise<void> => {
  const hook = join(bare, 'hooks/post-receive')
  await writeFile(hook, `#!/bin/sh\necho ${words}\n`)
  await chmod(hook, 0o755)
}

export const pushUntilHookPrints = async ({ repository, push }: Printing): Promise<number> => {
  commit(repository.work)
  const elapsed = startClock()
  const child = startPush(repository.work, push)
  const ended = waitForEnd(child)
  let said = ''
  let ms: number | null = null
  child.stderr?.on('data', (chunk) => {
    said += String(chunk)
    if (ms === null && said.includes(words)) ms = elapsed()
  })
  await ended
  if (ms === null) throw new Error(`the hook did not print: ${said}`)
  return ms
}

/** The run is finished when this returns, so that the next push finds an idle installation. */
export const pushUntilFirstLine = async (
  { repository, push, name }: BenchProject,
  client: Client,
): Promise<number> => {
  commit(repository.work)
  const runs = await client.follow('runs')
  const elapsed = startClock()
  const ended = waitForEnd(startPush(repository.work, push))
  const run = await runs.next((message) => runOf(message, name))
  runs.stop()
  await firstText(client, run, marker)
  const ms = elapsed()
  await ended
  await waitUntilPassed(client, run)
  return ms
}

const runOf = (message: LiveMessage, project: string): string | null =>
  message.t === 'runs' && message.run.project.name === project ? message.run.id : null

const startPush = (work: string, { url, env }: PushAddress): ChildProcess =>
  spawn('git', ['push', '--quiet', url, 'main'], {
    cwd: work,
    env: { ...gitEnvironment, ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
  })

const waitForEnd = async (child: ChildProcess): Promise<void> => {
  const said: Buffer[] = []
  child.stderr?.on('data', (chunk) => said.push(chunk))
  const [code] = await once(child, 'close')
  if (code !== 0) throw new Error(`git push ended with ${code}: ${Buffer.concat(said)}`)
}
