// Which files a run is about, as the runner that planned it found when it read the trees of two commits. Names are
// whatever somebody committed.
import { list, object, oneOf, type Shape, text } from '../base/shape.ts'

export const changedFilesMax = { files: 200, path: 512 } as const

export type ChangedFile = {
  readonly path: string
  readonly change: 'added' | 'changed' | 'removed'
}

export type ChangedFiles = {
  /** What was there before: what the ref was before the push, or the first parent of the commit. */
  readonly base: string
  readonly of: 'push' | 'commit'
  /** By name, directory by directory. */
  readonly files: readonly ChangedFile[]
  /** There are others, which were not looked at. */
  readonly more: boolean
}

export const changedFiles: Shape<ChangedFiles> = object({
  base: text({ max: 64, form: /^([0-9a-f]{40}|[0-9a-f]{64})$/ }),
  of: oneOf('push', 'commit'),
  files: list(
    object({
      path: text({ max: changedFilesMax.path }),
      change: oneOf('added', 'changed', 'removed'),
    }),
    { max: changedFilesMax.files },
  ),
  more: oneOf(true, false),
})
