// A run of the no-op project asked for through the API, as PF-03 and PF-04 sample it.
import type { Run } from '../src/protocol/api/shapes.ts'
import type { BenchProject } from './add-project.ts'
import { type Client, holdsText, isSettled, passedRun, plannedJobs } from './client.ts'
import { startClock } from './clock.ts'
import { marker } from './projects.ts'
import type { Bench } from './scenario.ts'
import { slots } from './slots.ts'

export type Trigger = { readonly client: Client; readonly project: BenchProject }

/** Milliseconds since the API request was sent, as a follower saw them. */
export type Moments = {
  /** The job of the plan is queued. */
  readonly plannedMs: number
  readonly firstLineMs: number
  /** Final state committed, log stored, sandbox gone, receipt written: the API shows all four. */
  readonly settledMs: number
}

export const setUpTrigger = async ({ installation }: Bench): Promise<Trigger> => {
  const under = await installation()
  const { client } = await under.up(slots)
  return { client, project: await under.project('jobs-1', 'path') }
}

export const triggerRun = async ({ client, project }: Trigger): Promise<Moments> => {
  const elapsed = startClock()
  const { id } = await client.post<Run>('/api/v1/runs', { project: project.name })
  const changes = await client.follow(`run:${id}`)
  const attempt = await changes.next((message) => plannedJobs(message)?.[0]?.attempts[0] ?? null)
  const plannedMs = elapsed()
  const log = await client.follow(`log:${attempt.id}`)
  await log.next(holdsText(marker))
  const firstLineMs = elapsed()
  log.stop()
  await changes.next(passedRun)
  changes.stop()
  if (!(await isSettled(client, id)))
    throw new Error('the run is final, but its receipt or its log is not there')
  return { plannedMs, firstLineMs, settledMs: elapsed() }
}

export const planNote =
  'The server plans every run anew, so "plan known" is the moment at which a follower sees the job of the plan'
