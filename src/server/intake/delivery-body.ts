// What a signed delivery says happened: the body of our own hook, `{old, new, ref, sentAt, skip?}`, or that of any other tool,
// `{ref, commit, sentAt, message?}`. Signed as it stands and read only after the vault has checked the signature, and still
// not trusted: whoever may push chooses the name of the ref and the message.
import { utf8Decode } from '../../base/bytes.ts'
import type { Parsed } from '../../base/problem.ts'
import { either, object, oneOf, optional, parseShape, type Shape, text } from '../../base/shape.ts'
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
}

const commit = text({ max: 64, form: /^([0-9a-f]{40}|[0-9a-f]{64})$/ })
const ref = text({ max: 255 })
const sentAt = text({ max: 40, form: /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,3})?Z$/ })

type Body =
  | { readonly old: string; readonly new: string; readonly skip?: true; ref: string; sentAt: string }
  | { readonly commit: string; readonly message?: string; ref: string; sentAt: string }

const body: Shape<Body> = either(
  (value) => typeof value === 'object' && value !== null && 'commit' in value,
  object({ commit, ref, sentAt, message: optional(text({ max: 32 * 1024, min: 0 })) }),
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
const ofTool = ({ commit, ref, sentAt, message = '' }: Extract<Body, { commit: string }>): Push | null => {
  const full = fullRef(ref)
  if (full === null) return null
  return { source: 'webhook', ref: full, old: null, new: commit, sentAt, skip: asksForNoRun(message) }
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
