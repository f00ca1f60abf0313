// `mayfly restart`: the supervisor stops its programs in order and starts them with the settings as they are now. Bad
// settings are refused while the old ones still run. The supervisor itself stays, and so does what started it.
import { readFile } from 'node:fs/promises'
import { fault } from '../base/faults.ts'
import { parseRoster } from '../protocol/roster.ts'
import type { Layout } from './layout.ts'
import { findSupervisor, isAlive } from './lock.ts'
import { requireNamedFiles } from './named-files.ts'
import { callOperator } from './operator.ts'
import { ensureSettings } from './settings.ts'
import { ensureUsers } from './users.ts'

const restartDeadlineMs = 180_000
const askEveryMs = 100

/** What tells the supervisor to start its programs anew. SIGHUP stays what a closed terminal sends. */
export const restartSignal = 'SIGUSR2'

/** How long it took, or null when nothing was running. */
export const restart = async (layout: Layout, say: (line: string) => void): Promise<number | null> => {
  const pid = await findSupervisor(layout)
  if (pid === null) return null
  const settings = await ensureSettings(layout, say)
  await requireNamedFiles(settings, { layout, owner: (await ensureUsers(layout))?.server ?? null })
  const begin = performance.now()
  const before = await startedAt(layout)
  process.kill(pid, restartSignal)
  say('stopping and starting its programs …')
  while (!(await isUpAgain(layout, before))) {
    if (!isAlive(pid))
      throw fault('E_CHILD_FAILED', {
        public: 'It did not come up again. What it said stands where it was started.',
      })
    if (performance.now() - begin > restartDeadlineMs)
      throw fault('E_CHILD_FAILED', {
        public: 'It is not up again in time: mayfly status says what is missing',
      })
    await new Promise((resolve) => setTimeout(resolve, askEveryMs))
  }
  return performance.now() - begin
}

const startedAt = async ({ roster }: Layout): Promise<string | null> =>
  parseRoster(await readFile(roster, 'utf8').catch(() => ''))?.supervisor.since ?? null

const isUpAgain = async (layout: Layout, before: string | null): Promise<boolean> => {
  const now = await startedAt(layout)
  if (now === null || now === before) return false
  // SAFE: the server's own answer to this route (protocol/api/routes.ts).
  const status = (await callOperator(layout, 'GET', '/api/v1/status').catch(() => null)) as {
    healthy: boolean
  } | null
  return status?.healthy === true
}
