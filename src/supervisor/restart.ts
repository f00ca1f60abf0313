// `mayfly restart`: the supervisor stops its programs in order and starts them with the settings as they are now. Bad
// settings are refused while the old ones still run. The supervisor itself stays, and so does what started it.
import { readFile } from 'node:fs/promises'
import type { Clock } from '../base/clock.ts'
import { fault } from '../base/faults.ts'
import { parseRoster, type Roster } from '../protocol/roster.ts'
import type { Layout } from './layout.ts'
import { findSupervisor, isAlive } from './lock.ts'
import { requireNamedFiles } from './named-files.ts'
import { callOperator } from './operator.ts'
import { findFreeMetricsPort } from './ports.ts'
import { ensureSettings, securityTxtWords } from './settings.ts'
import { ensureUsers } from './users.ts'

const restartDeadlineMs = 180_000
const askEveryMs = 100

/** What tells the supervisor to start its programs anew. SIGHUP stays what a closed terminal sends. */
export const restartSignal = 'SIGUSR2'

/** What was down before, or is not heard of, and still is this long after the server answers again lasts: no restart waits for it. */
const lastingMs = 30_000

export type Restarted = { readonly tookMs: number; readonly down: readonly Component[] }
type Supervisor = Roster['supervisor']
type Component = { readonly name: string; readonly detail: string; readonly mend: string | null }

/** null when nothing was running. */
export const restart = async (
  layout: Layout,
  { say, clock }: { readonly say: (line: string) => void; readonly clock: Clock },
): Promise<Restarted | null> => {
  const pid = await findSupervisor(layout)
  if (pid === null) return null
  const before = await supervisorOf(layout)
  if (before?.pid !== pid) throw onlyStarting()
  const settings = await ensureSettings(layout, say)
  const unserved = securityTxtWords(settings, clock.now())
  if (unserved !== null) say(unserved)
  await requireNamedFiles(settings, { layout, owner: (await ensureUsers(layout))?.server ?? null })
  // One from before does not say which port is its own.
  if (before.metrics_port !== undefined) await findFreeMetricsPort(settings, layout, before.metrics_port)
  const downBefore = new Set((await downOf(layout))?.map(({ name }) => name))
  if (downBefore.has('disk')) throw fullDisk(layout)
  const begin = performance.now()
  const begunAt = clock.now()
  process.kill(pid, restartSignal)
  say('stopping and starting its programs …')
  let answersAfterMs: number | null = null
  for (;;) {
    const down = (await isStartedSince(layout, before)) ? await downSince(layout, begunAt) : null
    const tookMs = performance.now() - begin
    const isLate = tookMs > restartDeadlineMs
    if (down !== null) {
      answersAfterMs ??= tookMs
      const isAwaited = ({ name }: Component) => name !== 'runners' && !downBefore.has(name)
      const isLasting = tookMs - answersAfterMs > lastingMs && !down.some(isAwaited)
      if (down.length === 0 || isLasting || isLate) return { tookMs, down }
    }
    if (!isAlive(pid))
      throw fault('E_CHILD_FAILED', {
        public: 'It did not come up again. What it said stands where it was started.',
      })
    if (isLate)
      throw fault('E_CHILD_FAILED', {
        public: 'It is not up again in time: mayfly status says what is missing',
      })
    await new Promise((resolve) => setTimeout(resolve, askEveryMs))
  }
}

/** Who has the lock and no programs yet still prepares the machine, and does not listen: the signal would end it. */
const onlyStarting = () =>
  fault('E_UNREACHABLE', {
    public: 'It is only being started, with the settings as they are when it comes up',
  })

/** PostgreSQL goes on where there is no room, and does not start there. */
const fullDisk = ({ data }: Layout) =>
  fault('E_DISK_FULL', {
    public: `The disk has no room for its programs to start again; they run on. Make room: du -xh ${data} | sort -h | tail`,
  })

const isStartedSince = async (layout: Layout, before: Supervisor): Promise<boolean> => {
  const now = await supervisorOf(layout)
  return now !== null && now.since !== before.since
}

const supervisorOf = async ({ roster }: Layout): Promise<Supervisor | null> =>
  parseRoster(await readFile(roster, 'utf8').catch(() => ''))?.supervisor ?? null

/** A runner that was heard of before is called online for a while: it has to say something to the server that is there now. */
const downSince = async (layout: Layout, at: number): Promise<readonly Component[] | null> => {
  const down = await downOf(layout)
  if (down === null || down.some(({ name }) => name === 'runners')) return down
  // SAFE: the server's own answer to this route (protocol/api/routes.ts).
  const runners = (await callOperator(layout, 'GET', '/api/v1/runners?limit=100').catch(() => null)) as {
    items: readonly { last_seen_at: string | null }[]
  } | null
  if (runners === null) return null
  if (runners.items.some(({ last_seen_at: seen }) => seen !== null && Date.parse(seen) >= at)) return down
  return [...down, { name: 'runners', detail: 'none is heard of since', mend: null }]
}

/** null: the server does not answer. */
const downOf = async (layout: Layout): Promise<readonly Component[] | null> => {
  // SAFE: the server's own answer to this route (protocol/api/routes.ts).
  const status = (await callOperator(layout, 'GET', '/api/v1/status').catch(() => null)) as {
    components: readonly (Component & { status: string })[]
  } | null
  return status?.components.filter((each) => each.status === 'down') ?? null
}
