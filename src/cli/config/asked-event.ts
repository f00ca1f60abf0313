// The event that somebody imagines on the command line: what happened, to which branch or tag, with which parameters.
import { fault } from '../../base/faults.ts'
import type { ChangeFacts, RunEvent } from '../../protocol/plan.ts'
import type { WorkTree } from '../git/work-tree.ts'
import { localEvent } from '../local/configuration.ts'

export type EventFlags = {
  readonly event: 'push' | 'manual' | 'schedule' | 'local'
  readonly branch?: string
  readonly tag?: string
  readonly pullRequest?: string
  readonly parameter: readonly string[]
}

/** Without a branch or tag, those of the work tree. */
export const askedEvent = (flags: EventFlags, tree: WorkTree | null): RunEvent => {
  const { event: kind, branch = null, tag = null } = flags
  if (branch !== null && tag !== null) throw fault('E_INPUT', { public: 'give --branch or --tag, not both' })
  const here = localEvent(tree)
  if (branch === null && tag === null) return { ...here, kind }
  const ref = branch === null ? `refs/tags/${tag}` : `refs/heads/${branch}`
  return { kind, ref, commit: here.commit, branch, tag }
}

/** The pull request that a delivery would tell of; its page is made up. */
export const askedChange = ({ event, pullRequest }: EventFlags): ChangeFacts | null => {
  if (pullRequest === undefined) return null
  if (event !== 'push' || !/^[1-9]\d{0,8}$/.test(pullRequest))
    throw fault('E_INPUT', { public: '--pull-request takes the number of one, and is for a push' })
  const url = `https://code.example/pull/${pullRequest}`
  return { pullRequest: { number: Number(pullRequest), url } }
}

export const eventWords = ({ kind, branch, tag, ref }: RunEvent): string => {
  const where = branch !== null ? `branch ${branch}` : tag !== null ? `tag ${tag}` : ref
  if (kind === 'local') return `a run here, ${where}`
  return kind === 'push'
    ? `push of ${where}`
    : kind === 'schedule'
      ? `schedule, ${where}`
      : `started by hand, ${where}`
}
