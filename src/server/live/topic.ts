// What one can subscribe to, as in protocol/live.ts, and what it takes to be let in.
import { type AttemptId, type ProjectId, parseId, type RunId } from '../../base/ids.ts'
import type { Verb } from '../access/roles.ts'

export type Topic =
  | { readonly kind: 'run'; readonly name: string; readonly verb: Verb; readonly run: RunId }
  | { readonly kind: 'log'; readonly name: string; readonly verb: Verb; readonly attempt: AttemptId }
  | { readonly kind: 'project'; readonly name: string; readonly verb: Verb; readonly project: ProjectId }
  | { readonly kind: 'runs'; readonly name: string; readonly verb: Verb }

/** null when there is no such topic; whether the thing exists is seen later. */
export const parseTopic = (name: string): Topic | null => {
  if (name === 'runs') return { kind: 'runs', name, verb: 'run.view' }
  const colon = name.indexOf(':')
  const id = name.slice(colon + 1)
  const run = parseId('run', id)
  const attempt = parseId('attempt', id)
  const project = parseId('project', id)
  const kind = name.slice(0, colon)
  if (kind === 'run' && run !== null) return { kind, name, verb: 'run.view', run }
  if (kind === 'log' && attempt !== null) return { kind, name, verb: 'log.read', attempt }
  if (kind === 'project' && project !== null) return { kind, name, verb: 'run.view', project }
  return null
}
