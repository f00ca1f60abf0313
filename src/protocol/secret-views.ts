// The queues of secrets that somebody should look at, each by a rule that reads facts only: server, command line and browser
// say the same of the same secret. Pure.
import { matchesGlob } from '../base/ref-glob.ts'
import { type ContextRules, defaultBranchRule } from './contexts.ts'
import type { SecretPolicy } from './statement.ts'

export const secretViews = ['leaked', 'unused', 'overdue', 'broad', 'left'] as const
export type SecretView = (typeof secretViews)[number]

export const unusedDays = 90
const daySeconds = 86_400

export type ViewedSecret = {
  readonly state: 'active' | 'disabled' | 'revoked'
  readonly policy: SecretPolicy
  /** When its value was put. */
  readonly putAt: number
  readonly lastUsedAt: number | null
  readonly expiresAt: number | null
  readonly rotateAfter: number | null
  /** Where its value was in what a job said; null: nowhere that is known of. */
  readonly leak: object | null
}
export type ViewedBeside = {
  /** Of the context it is in; null: it is of a project. */
  readonly rules: Pick<ContextRules, 'projects' | 'refs'> | null
  /** Whoever put its value is no member any more. */
  readonly isOfLeaver: boolean
  readonly nowSeconds: number
}

/**
 * Of what is revoked nothing is left to look after, unless it was seen: whoever saw it has it, and where it opens something it has to be
 * replaced. What is disabled can be enabled with the value it has.
 */
export const viewsOf = (secret: ViewedSecret, beside: ViewedBeside): readonly SecretView[] => {
  if (secret.state === 'revoked') return secret.leak === null ? [] : ['leaked']
  const { rules, isOfLeaver, nowSeconds } = beside
  const holds: Readonly<Record<SecretView, boolean>> = {
    leaked: secret.leak !== null,
    unused: isUnused(secret, nowSeconds),
    overdue: isOverdue(secret, nowSeconds),
    broad: secret.state === 'active' && breadthOf(secret.policy, rules).length > 0,
    left: isOfLeaver,
  }
  return secretViews.filter((view) => holds[view])
}

export const isOverdue = (
  { rotateAfter, expiresAt }: Pick<ViewedSecret, 'rotateAfter' | 'expiresAt'>,
  nowSeconds: number,
): boolean => [rotateAfter, expiresAt].some((at) => at !== null && at <= nowSeconds)

/** When a new value is due: as long after it as the one before was. */
export const nextRotation = (
  before: { readonly putAt: number; readonly rotateAfter: number | null } | null,
  nowSeconds: number,
): number | null =>
  before === null || before.rotateAfter === null || before.rotateAfter <= before.putAt
    ? null
    : nowSeconds + before.rotateAfter - before.putAt

/** A new one has as much time to be used as an old one. */
const isUnused = ({ putAt, lastUsedAt }: ViewedSecret, nowSeconds: number): boolean =>
  Math.max(putAt, lastUsedAt ?? 0) <= nowSeconds - unusedDays * daySeconds

/** What makes it broad: any branch that somebody may push, any tag, or any project, also those to come. */
export const breadthOf = (
  policy: SecretPolicy,
  rules: ViewedBeside['rules'],
): readonly ('branches' | 'tags' | 'projects')[] => {
  const takes = (ref: string): boolean =>
    policy.refs.some((glob) => matchesGlob(glob, ref)) &&
    (rules === null || rules.refs.some((rule) => rule !== defaultBranchRule && matchesGlob(rule, ref)))
  return [
    ...(takes(anyBranch) ? (['branches'] as const) : []),
    ...(takes(anyTag) ? (['tags'] as const) : []),
    ...(rules?.projects === '*' ? (['projects'] as const) : []),
  ]
}

/** No rule means these names: one that takes them takes whatever somebody pushes. */
const anyBranch = 'refs/heads/5d0f9c3a-any'
const anyTag = 'refs/tags/5d0f9c3a-any'
