// Whether a push starts a run, and why not, in the words that people read. Pure.
import { limits } from '../limits.ts'
import { isZeroCommit } from '../runs/git-names.ts'
import type { Push } from './delivery-body.ts'

export type Judged = { readonly verdict: 'run' | 'no_run' | 'refused'; readonly reason: string }

export const judgePush = (push: Push, nowMs: number): Judged =>
  judgeTime(push, nowMs) ?? judgeRef(push) ?? { verdict: 'run', reason: 'A run was started' }

/** A captured delivery is worth nothing once its signature is forgotten. */
const judgeTime = ({ source, sentAt }: Push, nowMs: number): Judged | null => {
  const ageMs = nowMs - Date.parse(sentAt)
  const windowMs = source === 'webhook' ? limits.webhookWindowMs : limits.deliveryRememberedHours * 3_600_000
  if (ageMs > windowMs)
    return source === 'webhook'
      ? { verdict: 'refused', reason: `Too old: it was sent at ${sentAt}, and is good for five minutes` }
      : { verdict: 'no_run', reason: `Too old: it was sent at ${sentAt}` }
  if (ageMs < -limits.deliveryClockSkewMs)
    return { verdict: 'refused', reason: `From the future: the clock of the sender says ${sentAt}` }
  return null
}

/** Whatever the time. */
export const judgeRef = ({ skip, ...push }: Pick<Push, 'skip'> & Pushed): Judged | null => {
  const nothing = nothingToRun(push)
  if (nothing !== null) return { verdict: 'no_run', reason: nothing }
  return skip
    ? { verdict: 'no_run', reason: 'The message of its last commit says [ci skip] or [skip ci]' }
    : null
}

type Pushed = Pick<Push, 'ref' | 'new' | 'pullRequest'>

/** Why nobody can run this; null when it can be. */
export const nothingToRun = ({ ref, new: commit, pullRequest }: Pushed): string | null => {
  if (isZeroCommit(commit)) return `${ref} was deleted`
  // SAFE: a run has the secrets of its branch, which code of strangers must not get, whoever replays its delivery.
  if (pullRequest?.fork === true) return 'Pull requests from forks start no runs'
  return /^refs\/(heads|tags)\//.test(ref) ? null : 'Only branches and tags start runs'
}
