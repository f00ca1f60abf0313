// What the jobs of the double's runs stored for people; a name of theirs is a stranger's words.
import type { Artifact } from '../../../../src/protocol/api/artifacts.ts'
import { ago, idOf } from './ids.ts'
import { runById } from './runs.ts'

const files: readonly (readonly [path: string, size: number])[] = [
  ['report/index.html', 48_213],
  [`coverage/${'a-rather-long-directory/'.repeat(4)}lcov-report/index.html`, 2_411_008],
  ['screenshots/<b>login\u202e.png', 812],
]

export const artifactsOf = (run: string): Artifact[] => {
  const job = runById(run)?.jobs.find(({ key }) => key === 'unit')
  if (job === undefined) return []
  const { id, name, shard, shards } = job
  return files.map(([path, size], at) => ({
    id: `${idOf('obj', 1)}.${at}`,
    job: { id, name, shard, shards, attempt: 1 },
    ...{ path, size, sha256: 'a'.repeat(64), created_at: ago(3_600), expires_at: ago(-1_209_600) },
  }))
}
