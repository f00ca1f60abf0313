// Hears which runs changed and, a moment later and away from their path, which of them have ended. Tells each end once for
// as long as this process lives; who must not lose any asks the tables at the start (tracer.ts).
import { sql } from 'kysely'
import type { RunId } from '../../base/ids.ts'
import type { Log } from '../../base/log.ts'
import type { Database } from '../db/database.ts'
import { limits } from '../limits.ts'
import { parseRunNotice } from '../runs/run-notice.ts'
import { type EndedRun, readEndedRun } from './ended-run.ts'

export type RunEnds = {
  /** Looks at what changed since the last look. Called by itself; tests call it. */
  look(): Promise<void>
  close(): void
}

export const watchRunEnds = (deps: {
  readonly database: Pick<Database, 'db' | 'listen'>
  readonly log: Log
  readonly onEnd: (run: EndedRun) => void
}): RunEnds => {
  const { db, listen } = deps.database
  const changed = new Set<RunId>()
  const told = new Map<RunId, number>()
  const stop = listen('mayfly_run', (payload) => {
    const notice = payload === null ? null : parseRunNotice(payload)
    if (notice !== null && changed.size < limits.telemetry.changedRunsMax) changed.add(notice.run)
  })
  const tell = async (id: RunId): Promise<void> => {
    const run = await readEndedRun(db, id)
    if (run === null || told.get(id) === run.finishedAt.getTime()) return
    told.delete(id)
    told.set(id, run.finishedAt.getTime())
    if (told.size > limits.telemetry.toldRunsMax) told.delete(told.keys().next().value as RunId)
    deps.onEnd(run)
  }
  const look = async (): Promise<void> => {
    if (changed.size === 0) return
    const ids = [...changed]
    changed.clear()
    try {
      const { rows } = await sql<{ id: RunId }>`
        select id from runs where id = any(${ids}::text[]) and finished_at is not null order by id`.execute(
        db,
      )
      for (const { id } of rows) await tell(id)
    } catch (error) {
      // What could not be read is read at the next look; what was told is not told again.
      for (const id of ids) changed.add(id)
      throw error
    }
  }
  const timer = setInterval(() => {
    look().catch((error: unknown) => deps.log.warn('ends of runs not read', { error }))
  }, limits.telemetry.lookEveryMs)
  timer.unref()
  return {
    look,
    close: () => {
      clearInterval(timer)
      stop()
    },
  }
}
