// What targets of webhooks can be told of a change: the difference between two states of a run, in the words of the events.
// Pure; whether anybody listens is another question (outbox.ts).
import type { JobId, WorkflowId } from '../../base/ids.ts'
import { isRed } from '../../protocol/plan.ts'
import type { WebhookEvent } from '../../protocol/webhooks.ts'
import { isFinal, type JobState, type RunState, type Status, standings } from '../../schedule/index.ts'

export type Happening = {
  readonly event: WebhookEvent
  readonly workflow: WorkflowId | null
  readonly job: JobId | null
  /** Of what the event is about, from then on. */
  readonly status: Status
}

/** `before` is null for a run that begins; `hasStarted`: one of its jobs has run already. In the order they are told. */
export const happeningsBetween = (
  before: RunState | null,
  after: RunState,
  hasStarted: boolean,
): readonly Happening[] => {
  const ofRun = runEvents(before, after, hasStarted).map((event) => ofWhole(event, after.status))
  const isEnd = ({ event }: Happening) => event === 'run.finished'
  return [
    ...ofRun.filter((happening) => !isEnd(happening)),
    ...jobHappenings(before, after),
    ...workflowHappenings(before, after),
    ...ofRun.filter(isEnd),
  ]
}

const ofWhole = (event: WebhookEvent, status: Status): Happening => ({
  ...{ event, workflow: null, job: null, status },
})

const runEvents = (
  before: RunState | null,
  after: RunState,
  hasStarted: boolean,
): readonly WebhookEvent[] => {
  const isNew = <T>(of: (state: RunState) => T, value: T) =>
    of(after) === value && (before === null || of(before) !== value)
  // Of a run that goes on after its end everything counts from now.
  const isStarted = hasStarted && before !== null && !isFinal(before.status)
  const events: readonly (readonly [WebhookEvent, boolean])[] = [
    ['run.queued', before === null || (isFinal(before.status) && !isFinal(after.status))],
    ['run.started', after.status === 'running' && !isStarted],
    ['run.failing', !isFinal(after.status) && isNew(isFailing, true)],
    ['run.hold', isNew(({ status }) => status === 'on_hold', true)],
    ['run.finished', isNew(({ status }) => isFinal(status), true)],
  ]
  return events.flatMap(([event, happened]) => (happened ? [event] : []))
}

const isFailing = (state: RunState): boolean => standings(state).some(({ status }) => isRed(status))

const jobHappenings = (before: RunState | null, after: RunState): readonly Happening[] => {
  const earlier = new Map(before?.jobs.map(({ id, status }) => [id, status]))
  return after.jobs.flatMap((job) =>
    job.kind === 'plan' || earlier.get(job.id) === job.status
      ? []
      : jobEvents(job).map((event) => ({ event, workflow: job.workflow, job: job.id, status: job.status })),
  )
}

/** A job that is skipped never was anything: nobody is told. */
const jobEvents = ({ status, kind }: JobState): readonly WebhookEvent[] => {
  if (status === 'running') return ['job.started']
  if (status === 'on_hold') return ['job.hold']
  if (!isFinal(status) || status === 'skipped') return []
  return kind === 'approval' ? ['job.finished'] : ['job.finished', 'job-completed']
}

const workflowHappenings = (before: RunState | null, after: RunState): readonly Happening[] => {
  const earlier = new Map(before?.workflows.map(({ id, status }) => [id, status]))
  return after.workflows.flatMap(({ id, status }): readonly Happening[] => {
    const previous = earlier.get(id)
    if (!isFinal(status) || (previous !== undefined && isFinal(previous))) return []
    return [{ event: 'workflow-completed', workflow: id, job: null, status }]
  })
}
