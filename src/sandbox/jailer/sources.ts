// Repositories below directories the operator named: what the runner sends is a number and a relative path; what is
// bound is a directory that really lies inside, checked after every link is resolved.
import { realpathSync, statSync } from 'node:fs'
import { fault } from '../../base/faults.ts'
import { resolveInside } from '../../sys/index.ts'

export const resolveSource = (roots: readonly string[], root: number, path: string): string => {
  const named = roots[root]
  if (named === undefined) throw fault('E_SOURCE_NOT_ALLOWED', { detail: `no repository root ${root}` })
  try {
    const base = realpathSync(named)
    const found = realpathSync(resolveInside(base, path) ?? '/nonexistent')
    if (resolveInside(base, found.slice(base.length)) !== found || !found.startsWith(`${base}/`))
      throw new Error('outside')
    if (!statSync(found).isDirectory() || /[\n\r]/.test(found)) throw new Error('not a directory')
    return found
  } catch (cause) {
    throw fault('E_SOURCE_NOT_ALLOWED', {
      public: 'there is no such repository below the directories the operator named',
      detail: `${root}: ${path}`,
      cause,
    })
  }
}
