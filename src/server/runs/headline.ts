// The first thing that went wrong, for the row of the run. Not for an attempt that is tried once more: that may end well.
import type { JobId } from '../../base/ids.ts'
import { isRed } from '../../protocol/plan.ts'
import type { RunState } from '../../schedule/index.ts'

/** What an attempt of `job` that ended says for the run in `state`; null: nothing. `message` is storable text. */
export const headlineOf = (state: RunState, job: JobId, message: string): string | null => {
  const ended = state.jobs.find((candidate) => candidate.id === job)
  if ((ended === undefined || !isRed(ended.status)) && state.status !== 'skipped') return null
  return ended?.workflow === null ? message : `${ended?.name}: ${message}`
}
