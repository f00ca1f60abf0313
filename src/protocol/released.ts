// What a job gets of the vault for its evidence (evidence.ts): the item `secrets`, opened.
import { list, object, optional, type Shaped, text } from '../base/shape.ts'
import { bytes, deliveredKind, knownHosts, secretName, secretsBytesMax, secretsMax } from './statement.ts'

/** A value as its job gets it. `value`: base64url; the bytes are the person's own, of any kind. */
export const releasedSecret = object({
  name: secretName,
  kind: deliveredKind,
  value: text({ max: Math.ceil((4 * secretsBytesMax) / 3), form: /^[A-Za-z0-9_-]+$/ }),
  /** Of an SSH key. */
  hosts: optional(knownHosts),
})
export type ReleasedSecret = Shaped<typeof releasedSecret>
/** What `secrets` opens to. */
export const secretsPayload = object({
  secrets: list(releasedSecret, { max: secretsMax }),
  /** Goes with secrets, and no step gets it: a runner that sees it in what a job says raises an alarm. */
  canary: optional(bytes({ length: 32 })),
  /** Those that are for the tip of their ref only, of a job whose commit is not the tip any more. */
  stale: optional(list(secretName, { max: secretsMax })),
  /** What the job may sign with: the keys stay in the vault. */
  signing: optional(list(secretName, { min: 1, max: secretsMax })),
})
export type SecretsPayload = Shaped<typeof secretsPayload>
