// The body of a delivery of the generic hook: `{old, new, ref, sentAt, skip?}`, signed as it stands. Read only after the vault
// has checked the signature, and still not trusted: whoever may push chooses the name of the ref.
import { utf8Decode } from '../../base/bytes.ts'
import type { Parsed } from '../../base/problem.ts'
import { object, oneOf, optional, parseShape, text } from '../../base/shape.ts'
import { isFullRef } from '../runs/git-names.ts'

export type DeliveryBody = {
  readonly old: string
  readonly new: string
  readonly ref: string
  readonly sentAt: string
  /** The message of the commit asks for no run. */
  readonly skip?: true
}

const commit = text({ max: 64, form: /^([0-9a-f]{40}|[0-9a-f]{64})$/ })
const shape = object({
  old: commit,
  new: commit,
  ref: text({ max: 255 }),
  sentAt: text({ max: 40, form: /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,3})?Z$/ }),
  skip: optional(oneOf(true)),
})

export const parseDeliveryBody = (bytes: Uint8Array): Parsed<DeliveryBody> => {
  const parsed = parseShape(shape, parseJson(bytes))
  if (!parsed.ok) return parsed
  const { ref, sentAt } = parsed.value
  if (!isFullRef(ref)) return refused('ref is not a full name that git would accept')
  return Number.isNaN(Date.parse(sentAt)) ? refused('sentAt is not a time') : parsed
}

const refused = (message: string): Parsed<DeliveryBody> => ({
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
