// Where caches of `mayfly run --cache` lie: the user's own, apart for each work tree.
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import type { Surroundings } from './surroundings.ts'

export const cacheDirectory = ({ environment }: Surroundings, root: string): string => {
  const base = environment.XDG_CACHE_HOME ?? join(environment.HOME ?? '/', '.cache')
  return join(base, 'mayfly', 'caches', createHash('sha256').update(root).digest('hex').slice(0, 16))
}
