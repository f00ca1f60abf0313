// How far the set-up of a project is, from what the API says about it. Pure; setup.svelte draws it.
import type { AttemptSummary, Delivery, Project } from '../../protocol/api/shapes.ts'
import { isFinished } from '../format/status.ts'

export type ItemState = 'done' | 'now' | 'busy' | 'failed' | 'later'
export type Checklist = {
  readonly access: ItemState
  readonly hostKey: ItemState
  readonly hook: ItemState
  readonly firstRun: ItemState
}

export const checklistOf = (facts: {
  readonly project: Project
  readonly contact: Pick<AttemptSummary, 'status'> | null
  readonly deliveries: readonly Delivery[]
}): Checklist => {
  const { project, contact, deliveries } = facts
  const hasRun = project.last_run !== null
  const received = deliveries.some((delivery) => delivery.verdict !== 'refused')
  return {
    access: accessState(project, contact),
    hostKey: hostKeyState(project),
    hook: received ? 'done' : deliveries.length > 0 ? 'failed' : 'now',
    firstRun: hasRun ? 'done' : received ? 'now' : 'later',
  }
}

/** A run proves access as well as asking for it does. Before its key is confirmed, the host was not believed a word. */
const accessState = (project: Project, contact: Pick<AttemptSummary, 'status'> | null): ItemState => {
  if (contact !== null && !isFinished(contact.status)) return 'busy'
  if (project.last_run !== null) return 'done'
  if (contact?.status === 'passed') return hostKeyState(project) === 'done' ? 'done' : 'later'
  return contact === null ? 'now' : 'failed'
}

const hostKeyState = (project: Project): ItemState => {
  if (project.source.kind === 'local' || project.host_keys.some((key) => key.confirmed)) return 'done'
  return project.host_keys.length > 0 ? 'now' : 'later'
}
