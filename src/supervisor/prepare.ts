// What `mayfly up` does before anything is started: 1 look at the machine and take the lock  2 packages and users
// 3 directories and programs. All of it finds its own work done the next time.
import { stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Clock, RandomBytes } from '../base/clock.ts'
import { fault } from '../base/faults.ts'
import type { Log } from '../base/log.ts'
import { findNoUserNamespaces } from '../sys/index.ts'
import { refuseHalfRestored } from './backup/restore.ts'
import { makeDataDirectories, makeSocketDirectories } from './directories.ts'
import type { Layout } from './layout.ts'
import { refuseBeside, releaseLock, takeLock } from './lock.ts'
import { ensurePackages, productPackages } from './packages.ts'
import { findFreePort } from './ports.ts'
import { installPrograms, type Programs } from './programs.ts'
import { sweepLeftBehind } from './sweep.ts'
import { ensureUsers, type Users } from './users.ts'

export type UpOptions = {
  readonly layout: Layout
  readonly port: number
  readonly runnerPort: number
  /** Directories below which projects may name local repositories. */
  readonly localRepositories: readonly string[]
  readonly withSample: boolean
  /** The clone or release we run from: its build, the Node that runs us, the sample project. */
  readonly from: { readonly build: string; readonly node: string; readonly sample: string }
}

export type UpDeps = {
  readonly clock: Clock
  readonly randomBytes: RandomBytes
  readonly log: Log
  /** One line of progress for a person. */
  readonly say: (line: string) => void
  /** Aborted when the person wants it to stop. */
  readonly signal: AbortSignal
}

/** Plain data: the command line hands it to the supervisor program. */
export type Prepared = {
  /** null: without root all are one. */
  readonly users: Users | null
  readonly programs: Programs
  /** When it began: Unix milliseconds. */
  readonly begunAt: number
}

/** Holds the lock of this process when it returns, and not when it throws. */
export const prepare = async (options: UpOptions, deps: Pick<UpDeps, 'clock' | 'say'>): Promise<Prepared> => {
  const { layout } = options
  const begunAt = deps.clock.now()
  refuseWithoutNamespaces(layout)
  if (layout.isRoot) await checkReach(layout.data)
  refuseHalfRestored(layout)
  await takeLock(layout)
  try {
    await findFreePort(options.port, '--port N')
    await findFreePort(options.runnerPort, '--runner-port N')
    await ensurePackages(productPackages, { isRoot: layout.isRoot, say: deps.say })
    const users = await ensureUsers(layout)
    if (!layout.isRoot) deps.say(rootlessText)
    // Who took over the lock of a killed one in the same moment as we may have removed ours for it.
    await refuseBeside(layout)
    await makeDataDirectories(layout, users)
    await sweepLeftBehind(layout, users)
    await makeSocketDirectories(layout, users)
    return { users, programs: await installPrograms(options.from, layout.data), begunAt }
  } catch (error) {
    await releaseLock(layout)
    throw error
  }
}

/** The service users must be able to walk to the data directory: said before anything is made. */
const checkReach = async (data: string): Promise<void> => {
  const parents = dirname(data)
    .split('/')
    .map((_, i, parts) => `/${parts.slice(1, i + 1).join('/')}`)
  for (const path of parents) {
    const entry = await stat(path).catch(() => null)
    if (entry !== null && (entry.mode & 0o001) === 0)
      throw fault('E_MACHINE_NOT_READY', {
        public: `The service users cannot reach ${data}: ${path} is closed to them. Choose another --data, or: chmod o+x ${path}`,
      })
  }
}

/** Vault and jobs are kept apart by them; who is not root has nothing else. */
const refuseWithoutNamespaces = ({ isRoot }: Layout): void => {
  const forbidden = findNoUserNamespaces(isRoot)
  if (forbidden !== null) throw fault('E_MACHINE_NOT_READY', { public: `${forbidden.why}; ${forbidden.fix}` })
}

const rootlessText =
  'without root: all its programs run as you, and memory and processor of jobs are limited only in a control group that was delegated to you (mayfly doctor says more)'
