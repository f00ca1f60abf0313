// `mayfly run --watch`: once for the files that are there, and again whenever one of them changes, until Ctrl-C. A run that
// a change overtakes is cancelled: what it would say is of files that are gone.
import { relative } from 'node:path'
import { isFault } from '../../base/faults.ts'
import { exitCodes } from '../exit-codes.ts'
import { inertText } from '../inert.ts'
import { countingFiles, type WatchedProject } from '../local/changed-project.ts'
import { watchTree } from '../local/tree-changes.ts'
import { paintFor } from '../look.ts'
import { reportError } from '../report-error.ts'
import type { Surroundings } from '../surroundings.ts'

const namedMax = 3

/** `once` is given an interruption that also comes with a change. */
export const runAgain = async (
  around: Surroundings,
  project: WatchedProject,
  once: (around: Surroundings) => Promise<number>,
): Promise<number> => {
  const changes = await watchTree(() => countingFiles(around, project))
  try {
    for (let round = 1; !around.interrupted.aborted; round++) {
      const overtaken = new AbortController()
      const changed = changes.next(around.interrupted).finally(() => overtaken.abort('overtaken'))
      // Heard below; a run that breaks comes first.
      changed.catch(() => undefined)
      const interrupted = AbortSignal.any([around.interrupted, overtaken.signal])
      await once({ ...around, interrupted }).catch((error: unknown) => {
        // What was typed wrong is mended by no change.
        if (round === 1 || !isFault(error)) throw error
        reportError(around, error, { json: false })
      })
      if (!interrupted.aborted) say(around, inertText`watching ${project.root}; Ctrl-C ends`)
      const paths = await changed
      if (paths !== null) say(around, `changed: ${describe(project.root, paths)}`)
    }
  } finally {
    changes.close()
  }
  return exitCodes.interrupted
}

const describe = (root: string, paths: readonly string[]): string => {
  const names = paths.slice(0, namedMax).map((path) => inertText`${relative(root, path)}`)
  const more = paths.length - names.length
  return `${names.join(', ')}${more > 0 ? ` and ${more} more` : ''}`
}

const say = (around: Surroundings, text: string): void =>
  around.stderr.write(`${paintFor(around, around.stderr)('dim', text)}\n`)
