// What the jobs of the double's runs stored for people; a name of theirs is a stranger's words.
import type { Artifact } from '../../../../src/protocol/api/artifacts.ts'
import type { ExpiredOfJob } from '../../../../src/protocol/api/expired.ts'
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

/** Of a job of the run that is shown most. */
export const expiredArtifactsOf = (run: string): ExpiredOfJob[] => {
  const job = runById(run)?.jobs.find(({ key }) => key === 'types')
  if (job === undefined || run !== idOf('run', 412)) return []
  const { id, name, shard, shards } = job
  return [{ job: { id, name, shard, shards, attempt: 1 }, removed_at: ago(86_400), days: 14 }]
}
