// The state of the installation in one answer: the same for the status page, `mayfly status`, `doctor` and the metrics.
// Nothing here needs the database: what needs it says so and the rest is still told.
import type { Clock } from '../../base/clock.ts'
import type { SystemStatus } from '../../protocol/api/shapes.ts'
import type { Executor } from '../access/queries.ts'
import type { Runners } from '../use-cases.ts'
import { type Backups, judgeBackup } from './backups.ts'
import { check, databaseCheck, orElse, runnersCheck, signInCheck, vaultCheck } from './checks.ts'
import type { ClockWatch } from './clock-watch.ts'
import { judgeDisks, readDisks, silentDisks } from './disk.ts'
import { judgeLogKeys, readLogKeys } from './log-keys.ts'
import { judgeProcesses, readProcesses } from './processes.ts'
import { judgeQueue, readQueue } from './queue.ts'

export type Health = { look(): Promise<SystemStatus> }

export type HealthDeps = {
  readonly version: string
  readonly db: Executor
  readonly vault: { health(): Promise<{ readonly sealed: boolean }> }
  readonly runners: Pick<Runners, 'list'>
  readonly backups: Pick<Backups, 'last'>
  readonly clock: Clock
  readonly clockWatch: ClockWatch
  /** Directories whose room counts. */
  readonly directories: readonly string[]
  /** What the supervisor writes; null: none keeps us. */
  readonly rosterFile: string | null
}

export const createHealth = (deps: HealthDeps): Health => ({
  look: async () => {
    const [disks, processes, queue, logKeys, backup] = await Promise.all([
      orElse(() => readDisks(deps.directories), null),
      orElse(() => readProcesses(deps.rosterFile, deps.clock.now()), []),
      orElse(() => readQueue(deps.db), null),
      orElse(() => readLogKeys(deps.db), null),
      orElse(() => deps.backups.last(), undefined),
    ])
    const components = await Promise.all([
      ...[databaseCheck(deps.db), vaultCheck(deps.vault), runnersCheck(deps.runners)].map((ask) => ask()),
      ...(processes.length === 0 ? [] : [check('processes', async () => judgeProcesses(processes))()]),
      check('disk', async () => (disks === null ? silentDisks(deps.directories) : judgeDisks(disks)))(),
      signInCheck(deps.db)(),
      check('clock', async () => deps.clockWatch.judge())(),
      ...(queue === null ? [] : [check('queue', async () => judgeQueue(queue))()]),
      ...(logKeys === null ? [] : [check('log keys', async () => judgeLogKeys(logKeys))()]),
      ...(backup === undefined ? [] : [check('backup', async () => judgeBackup(backup, deps.clock.now()))()]),
    ])
    return {
      version: deps.version,
      healthy: components.every(({ status }) => status !== 'down'),
      components,
      processes: [...processes],
      disks: [...(disks ?? [])],
      queue,
      backup: backup ?? null,
    }
  },
})

/** What exactly is weak, and where, helps an attacker more than a stranger; what is down he meets anyway. */
export const forStrangers = ({ version, healthy, components }: SystemStatus): SystemStatus => ({
  ...{ version, healthy, processes: [], disks: [], queue: null, backup: null },
  components: components
    .filter(({ status }) => status === 'down')
    .map(({ name, status }) => ({ name, status, detail: '', mend: null })),
})
