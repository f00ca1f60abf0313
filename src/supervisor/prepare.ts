// What `mayfly up` does before anything is started: 1 look at the machine and take the lock  2 packages and users
// 3 directories and programs. All of it finds its own work done the next time.
import { chmod, mkdir, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Clock, RandomBytes } from '../base/clock.ts'
import { fault } from '../base/faults.ts'
import type { Log } from '../base/log.ts'
import { findNoUserNamespaces } from '../sys/index.ts'
import { refuseHalfRestored } from './backup/restore.ts'
import { makeDataDirectories, makeSocketDirectories } from './directories.ts'
import type { Layout } from './layout.ts'
import { ensurePackages, productPackages } from './packages.ts'
import { findFreePort } from './ports.ts'
import { installPrograms, type Programs } from './programs.ts'
import { findSupervisor } from './running.ts'
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
    await findFreePort(options.port, '--port')
    await findFreePort(options.runnerPort, '--runner-port')
    await ensurePackages(productPackages, { isRoot: layout.isRoot, say: deps.say })
    const users = await ensureUsers(layout)
    if (!layout.isRoot) deps.say(rootlessText)
    await makeDataDirectories(layout, users)
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

/** Two supervisors over one data directory would be two truths; a stale file of a killed one is taken over. */
const takeLock = async (layout: Layout): Promise<void> => {
  await mkdir(layout.run, { recursive: true, mode: 0o711 })
  await chmod(layout.run, 0o711)
  const pid = await findSupervisor(layout)
  if (pid !== null && pid !== process.pid)
    throw fault('E_ALREADY_RUNNING', {
      public: `This installation already runs (process ${pid}). Stop it with: mayfly down`,
    })
  await writeFile(layout.lock, `${process.pid}\n`, { mode: 0o644 })
}

/** Everything below is made anew by the next start; but of nests that could not be ended, that start has to know. */
export const releaseLock = async ({ run, lock }: Layout): Promise<void> => {
  const stuck = await readdir(join(run, 'nest-records')).catch(() => [])
  // SAFE: nests are mounted in namespaces of their own, and without a record there is none: nothing is mounted below.
  await rm(stuck.length === 0 ? run : lock, { recursive: true, force: true })
}

/** Vault and jobs are kept apart by them; who is not root has nothing else. */
const refuseWithoutNamespaces = ({ isRoot }: Layout): void => {
  const forbidden = findNoUserNamespaces(isRoot)
  if (forbidden !== null) throw fault('E_MACHINE_NOT_READY', { public: `${forbidden.why}; ${forbidden.fix}` })
}

const rootlessText =
  'without root: all its programs run as you, and memory and processor of jobs are limited only in a control group that was delegated to you (mayfly doctor says more)'
