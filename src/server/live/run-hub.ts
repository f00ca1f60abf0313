// News about runs for everybody who watches in this process: one listener on the database, and one read for however
// many watchers stand at the same place.
import type { RunId } from '../../base/ids.ts'
import type { Scope } from '../access/actor.ts'
import type { RunChanges, RunNotice, Runs } from '../use-cases.ts'

/** null: notices may have been lost, anything may have changed. */
export type RunHandler = (notice: RunNotice | null) => void

export type RunHub = {
  /** Returns how to stop. */
  watch(handler: RunHandler): () => void
  /** As Runs.jobsSince, shared with others who ask the same before the next news. */
  changes(scope: Scope, run: RunId, rev: number): Promise<RunChanges | null>
  close(): void
}

export const createRunHub = (runs: Pick<Runs, 'onChange' | 'jobsSince'>): RunHub => {
  const handlers = new Set<RunHandler>()
  const reads = new Map<RunId, Map<string, Promise<RunChanges | null>>>()
  const stop = runs.onChange((notice) => {
    // Reads that began before this commit must not be joined any more: they may not see it.
    if (notice === null) reads.clear()
    else reads.delete(notice.run)
    for (const handler of [...handlers]) handler(notice)
  })
  return {
    watch: (handler) => {
      handlers.add(handler)
      return () => void handlers.delete(handler)
    },
    changes: (scope, run, rev) => {
      const ofRun = reads.get(run) ?? new Map<string, Promise<RunChanges | null>>()
      reads.set(run, ofRun)
      const key = `${scope.organisation} ${scope.projects?.join() ?? '*'} ${rev}`
      const read = ofRun.get(key) ?? runs.jobsSince(scope, run, rev)
      ofRun.set(key, read)
      const forget = () => {
        ofRun.delete(key)
        if (ofRun.size === 0 && reads.get(run) === ofRun) reads.delete(run)
      }
      read.then(forget, forget)
      return read
    },
    close: stop,
  }
}
