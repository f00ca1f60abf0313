// Results of tests of `mayfly run --cache`, by the name of their job: those of one run are what the jobs of the next split
// their tests by. They are put in place when the run is over, so that all shards of a job go by the same.
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { copyFile, mkdir, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Restorable } from '../../runner/index.ts'

export type LocalTests = {
  /** Of an earlier run. */
  restore(job: string): readonly Restorable[]
  /** A file with results that stays where it is until the run is over. */
  keep(job: string, path: string): void
  close(): Promise<void>
}

export const openLocalTests = async (caches: string): Promise<LocalTests> => {
  const directory = join(caches, 'tests')
  const before = (await readdir(directory).catch(() => [])).sort()
  const fresh = new Map<string, string[]>()
  const earlier = (job: string) => before.filter((name) => name.startsWith(`${digestOf(job)}.`))
  return {
    restore: (job) =>
      earlier(job).map((name) => ({
        ...{ key: '', from: 'this machine', after: [] },
        read: () => createReadStream(join(directory, name)),
      })),
    keep: (job, path) => void fresh.set(job, [...(fresh.get(job) ?? []), path]),
    close: async () => {
      if (fresh.size === 0) return
      await mkdir(directory, { recursive: true, mode: 0o700 })
      for (const [job, paths] of fresh) {
        for (const name of earlier(job)) await rm(join(directory, name), { force: true })
        for (const [at, path] of paths.entries())
          await copyFile(path, join(directory, `${digestOf(job)}.${String(at).padStart(4, '0')}`))
      }
    },
  }
}

const digestOf = (job: string): string => createHash('sha256').update(job).digest('hex').slice(0, 32)
