// What went wrong with a run, for its row: the first red end, else what kept a run that did nothing wrong from doing all it
// says. Not for an attempt that is tried once more: that may end well.
import { sql } from 'kysely'
import type { JobId, RunId } from '../../base/ids.ts'
import { isRed } from '../../protocol/plan.ts'
import { type RunState, standings } from '../../schedule/index.ts'

/** What an attempt of `job` that ended says for the run in `state`; null: nothing. `message` is storable text. */
export const headlineOf = (state: RunState, job: JobId, message: string): string | null => {
  const ended = state.jobs.find(({ id }) => id === job)
  if (ended === undefined) return null
  if (ended.workflow === null) return isRed(ended.status) || isAlone(state) ? message : null
  return isRed(ended.status) || ended.skip === 'policy' ? `${ended.name}: ${message}` : null
}

/** A plan that brought nothing to do. */
const isAlone = (state: RunState): boolean =>
  state.status === 'skipped' && standings(state).every(({ workflow }) => workflow === null)

/** Of a run that ended `skipped`, by a job that has just been refused its context; null: none, or it ended otherwise. */
export const refusedHeadline = ({ status, jobs }: RunState): string | null => {
  const job = jobs.find(({ refused }) => refused !== undefined)
  if (status !== 'skipped' || job?.refused === undefined) return null
  return `${job.name} may not use the context "${job.refused.context}"`
}

/** The same of one that was refused before. */
export const refusedHeadlineSql = (run: RunId) => sql`(
  select name || ' may not use the context "' || (refused ->> 'context') || '"' from jobs
  where run_id = ${run} and refused is not null order by number limit 1)`
