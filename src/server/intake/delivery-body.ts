// What a signed delivery says happened: the body of our own hook, `{old, new, ref, sentAt, skip?}`, or that of any other tool,
// `{ref, commit, sentAt, before?, message?, author?, url?, pullRequest?}`. Signed as it stands and read only after the vault has checked the signature, and still
// not trusted: whoever may push chooses the name of the ref and the message.
import { utf8Decode } from '../../base/bytes.ts'
import type { Parsed } from '../../base/problem.ts'
import { either, object, oneOf, optional, parseShape, type Shape, text, where } from '../../base/shape.ts'
import type { PullRequest, ToldCommit } from '../../protocol/plan.ts'
import { pullRequestMembers, toldCommitMembers } from '../../protocol/plan-parse.ts'
import { fullRef, isFullRef } from '../runs/git-names.ts'

export type Push = {
  readonly source: 'hook' | 'webhook' | 'poll'
  readonly ref: string
  /** null: not told. */
  readonly old: string | null
  /** Zeros: the ref was deleted. */
  readonly new: string
  readonly sentAt: string
  /** The message of the commit asks for no run. */
  readonly skip: boolean
  readonly toldCommit?: ToldCommit
  readonly pullRequest?: ToldPullRequest
}

/** `fork`: it is from another repository. */
export type ToldPullRequest = PullRequest & { readonly fork?: boolean }

const commit = text({ max: 64, form: /^([0-9a-f]{40}|[0-9a-f]{64})$/ })
const ref = text({ max: 255 })
const sentAt = text({ max: 40, form: /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,3})?Z$/ })

type Body =
  | { readonly old: string; readonly new: string; readonly skip?: true; ref: string; sentAt: string }
  | {
      readonly commit: string
      readonly before?: string
      readonly message?: string
      readonly author?: string
      readonly url?: string
      readonly pullRequest?: ToldPullRequest
      readonly ref: string
      readonly sentAt: string
    }

const body: Shape<Body> = either(
  (value) => typeof value === 'object' && value !== null && 'commit' in value,
  object({
    commit,
    ref,
    sentAt,
    before: optional(commit),
    message: optional(text({ max: 32 * 1024, min: 0 })),
    author: optional(
      where(toldCommitMembers.author, (value) => value.isWellFormed(), 'text that is no Unicode'),
    ),
    url: optional(toldCommitMembers.url),
    pullRequest: optional(
      where(
        object({ ...pullRequestMembers, fork: optional(oneOf(true, false)) }),
        ({ title = '', author = '', base = '' }) => `${title}${author}${base}`.isWellFormed(),
        'text that is no Unicode',
      ),
    ),
  }),
  object({ old: commit, new: commit, ref, sentAt, skip: optional(oneOf(true)) }),
)

export const parseDeliveryBody = (bytes: Uint8Array): Parsed<Push> => {
  const parsed = parseShape(body, parseJson(bytes))
  if (!parsed.ok) return parsed
  const push = 'commit' in parsed.value ? ofTool(parsed.value) : ofHook(parsed.value)
  if (push === null) return refused('ref is not a name that git would accept')
  return Number.isNaN(Date.parse(push.sentAt))
    ? refused('sentAt is not a time')
    : { ok: true, value: push, problems: [] }
}

const ofHook = ({ old, new: now, ref, sentAt, skip }: Extract<Body, { old: string }>): Push | null =>
  isFullRef(ref) ? { source: 'hook', ref, old, new: now, sentAt, skip: skip === true } : null

/** `main` means the branch. */
const ofTool = (told: Extract<Body, { commit: string }>): Push | null => {
  const { commit, sentAt, before: old = null, message = '', author, url, pullRequest } = told
  const ref = fullRef(told.ref)
  if (ref === null) return null
  const toldCommit = { ...(url === undefined ? {} : { url }), ...(author === undefined ? {} : { author }) }
  return {
    ...{ source: 'webhook', ref, old, new: commit, sentAt, skip: asksForNoRun(message) },
    ...(Object.keys(toldCommit).length === 0 ? {} : { toldCommit }),
    ...(pullRequest === undefined ? {} : { pullRequest }),
  }
}

/** Among the first 250 characters, as in the hook. */
const asksForNoRun = (message: string): boolean => /\[(ci skip|skip ci)\]/.test(message.slice(0, 250))

const refused = (message: string): Parsed<Push> => ({
  ok: false,
  problems: [{ code: 'E_INPUT', severity: 'error', message, at: null, frame: [], help: null }],
})

const parseJson = (bytes: Uint8Array): unknown => {
  try {
    return JSON.parse(utf8Decode(bytes))
  } catch {
    return undefined
  }
}
