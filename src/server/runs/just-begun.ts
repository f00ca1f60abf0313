// Runs that this process began a moment ago, for whoever asked for one and follows it or a log of it at once: until the first
// notice about it, it is as it was answered, and need not be read from the tables. Only while no other server can have changed it.
import type { AttemptId, ProjectId, RunId } from '../../base/ids.ts'
import type { Scope } from '../access/actor.ts'
import type { Database } from '../db/database.ts'
import { mayOthersListen } from '../db/tell.ts'
import { limits } from '../limits.ts'
import type { RunChanges } from '../use-cases.ts'
import { parseRunNotice } from './run-notice.ts'

export type JustBegun = {
  /** Right after its commit; what it answers takes what is told of the run, unless there was news about it meanwhile. */
  expect(run: RunId): (scope: Scope, changes: RunChanges) => void
  /** null: ask the tables. */
  changesSince(scope: Scope, run: RunId, rev: number): RunChanges | null
  /** Whose an attempt is of whose log nothing is stored yet. null: ask the tables. */
  ownerOf(scope: Scope, attempt: AttemptId): { readonly run: RunId; readonly project: ProjectId } | null
}

type Begun = {
  readonly untilMs: number
  told: {
    readonly scope: Scope
    readonly changes: RunChanges
    /** Ids of its attempts that have no frame yet. */
    readonly unwritten: Set<string>
  } | null
}

export const createJustBegun = (database: Pick<Database, 'db' | 'listen'>): JustBegun => {
  const begun = new Map<RunId, Begun>()
  let isListening = false
  const listen = () => {
    if (isListening) return
    isListening = true
    database.listen('mayfly_run', (payload) => {
      const notice = payload === null ? null : parseRunNotice(payload)
      if (notice === null) begun.clear()
      else begun.delete(notice.run)
    })
    database.listen('mayfly_log', (payload) => {
      for (const { told } of begun.values())
        if (payload === null) told?.unwritten.clear()
        else told?.unwritten.delete(payload)
    })
  }
  return {
    expect: (run) => {
      if (mayOthersListen(database.db)) return () => undefined
      listen()
      const [oldest] = begun.keys()
      if (begun.size >= limits.justBegunMax && oldest !== undefined) begun.delete(oldest)
      const entry: Begun = { untilMs: performance.now() + limits.justBegunMs, told: null }
      begun.set(run, entry)
      return (scope, changes) => {
        // Frames of it are stored many turns after this one, so none was missed.
        const attempts = changes.jobs.flatMap((job) => job.attempts.map(({ id }) => id))
        entry.told = { scope, changes, unwritten: new Set(attempts) }
      }
    },
    changesSince: (scope, run, rev) => {
      const { told = null, untilMs = 0 } = begun.get(run) ?? {}
      if (told === null || untilMs < performance.now() || rev >= told.changes.rev) return null
      return mayRead(scope, told) ? told.changes : null
    },
    ownerOf: (scope, attempt) => {
      const now = performance.now()
      for (const [run, { untilMs, told }] of begun)
        if (told?.unwritten.has(attempt))
          return untilMs >= now && mayRead(scope, told) ? { run, project: projectOf(told) } : null
      return null
    },
  }
}

// SAFE: the API shows an id as text; it came from its row.
const projectOf = ({ changes }: NonNullable<Begun['told']>) => changes.run.project.id as ProjectId

/** As the condition of `inScope`. */
const mayRead = (scope: Scope, { scope: { organisation }, changes }: NonNullable<Begun['told']>): boolean =>
  scope.organisation === organisation &&
  (scope.projects === null || scope.projects.some((project) => project === changes.run.project.id))
