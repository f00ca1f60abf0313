// The lock of an installation: names the one process that is its supervisor, by its number and by when it began. A number alone is
// somebody else's after a crash or a reboot, and he would be taken for ours, and stopped by `mayfly down`.
import { chmod, link, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fault } from '../base/faults.ts'
import { processBegin } from '../sys/index.ts'
import type { Layout } from './layout.ts'

type Held = Pick<Layout, 'lock' | 'run' | 'flag'>

/** null when none runs. */
export const findSupervisor = async ({ lock }: Pick<Layout, 'lock'>): Promise<number | null> => {
  const [pid, begunAt] = (await readFile(lock, 'utf8').catch(() => '')).split(/\s+/)
  return (await isSupervisor(Number(pid), begunAt ?? '')) ? Number(pid) : null
}

/** Whether this very process runs: one that ended and that nobody has buried yet does not. */
export const isAlive = (pid: number): boolean => processBegin(pid) !== null

/** Two supervisors over one data directory would be two truths; what a killed one left is taken over. */
export const takeLock = async (layout: Held): Promise<void> => {
  await mkdir(layout.run, { recursive: true, mode: 0o711 })
  await chmod(layout.run, 0o711)
  if ((await findSupervisor(layout)) === process.pid) return
  const own = `${layout.lock}.${process.pid}`
  await writeFile(own, `${process.pid} ${processBegin(process.pid)}\n`, { mode: 0o644 })
  try {
    // Complete and at once: of two that come together one finds the other's.
    while (!(await isLinked(own, layout.lock))) {
      await refuseBeside(layout)
      await rm(layout.lock, { force: true })
    }
  } finally {
    await rm(own, { force: true })
  }
}

/** Everything below is made anew by the next start; but of nests that could not be ended, that start has to know. */
export const releaseLock = async (layout: Held): Promise<void> => {
  if ((await findSupervisor(layout)) !== process.pid) return
  const stuck = await readdir(join(layout.run, 'nest-records')).catch(() => [])
  // SAFE: nests are mounted in namespaces of their own, and without a record there is none: nothing is mounted below.
  await rm(stuck.length === 0 ? layout.run : layout.lock, { recursive: true, force: true })
}

/** Of another one than this process. */
export const refuseBeside = async (layout: Held): Promise<void> => {
  const pid = await findSupervisor(layout)
  if (pid !== null && pid !== process.pid)
    throw fault('E_ALREADY_RUNNING', {
      public: `This installation already runs (process ${pid}). Stop it with: mayfly down${layout.flag}`,
    })
}

const isLinked = (from: string, to: string): Promise<boolean> =>
  link(from, to).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'EEXIST') return false
      throw error
    },
  )

const isSupervisor = async (pid: number, begunAt: string): Promise<boolean> => {
  const begun = pid > 1 ? processBegin(pid) : null
  if (begun === null) return false
  // Before it was written down when it began, its command line had to do.
  return begunAt === '' ? (await commandOf(pid)).includes('up') : begunAt === begun
}

const commandOf = async (pid: number): Promise<readonly string[]> =>
  (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).split('\0')
