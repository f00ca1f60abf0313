// Patches a run that the API gave with what the stream says about it (protocol/live.ts, message `run`). Pure.
import type { Job, Run } from '../../protocol/api/shapes.ts'
import type { ServerMessage } from '../../protocol/live.ts'
import { isFinished } from '../format/status.ts'

type RunMessage = Extract<ServerMessage, { t: 'run' }>

export const mergeRun = (run: Run, message: RunMessage): Run => {
  if (message.rev < run.rev) return run
  const changed = new Map(message.jobs.map((job) => [job.id, job]))
  const known = run.jobs.map((job) => newer(job, changed.get(job.id)))
  const knownIds = new Set(run.jobs.map((job) => job.id))
  const added = message.jobs.filter((job) => !knownIds.has(job.id))
  return { ...run, ...message.run, rev: message.rev, jobs: [...known, ...added] }
}

/** The stream carries no problems and no digest: they come with the plan and at the end, and are fetched then. */
export const needsFetch = (before: Run, after: Run): boolean =>
  before.workflows.length !== after.workflows.length || isFinished(before.status) !== isFinished(after.status)

const newer = (known: Job, changed: Job | undefined): Job =>
  changed !== undefined && changed.rev >= known.rev ? changed : known
