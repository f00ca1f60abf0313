// /.well-known/security.txt (RFC 9116) from the operator's settings. An expired one is worse than none: it is refused,
// at the start and later.
import * as z from 'zod'
import type { Clock } from '../../base/clock.ts'
import { limits } from './limits.ts'

const line = z
  .string()
  .min(1)
  .max(500)
  .regex(/^[\x20-\x7e]+$/)
const link = line.regex(/^(https|mailto|tel|openpgp4fpr|dns):/)

export const securityTxtSettings = z.strictObject({
  contact: z.array(link).min(1).max(10),
  /** RFC 3339, at most a year ahead. */
  expires: z.iso.datetime({ offset: true }),
  encryption: link.optional(),
  policy: link.optional(),
  preferredLanguages: line.optional(),
})
export type SecurityTxtSettings = z.infer<typeof securityTxtSettings>

/** The text of the file; null when nothing may be served now. */
export const securityTxt = (
  settings: SecurityTxtSettings | null,
  publicUrl: string,
  clock: Clock,
): string | null => {
  if (settings === null) return null
  const leftMs = Date.parse(settings.expires) - clock.now()
  if (leftMs <= 0 || leftMs > limits.securityTxtMs) return null
  const fields: readonly (readonly [string, string | undefined])[] = [
    ...settings.contact.map((contact) => ['Contact', contact] as const),
    ['Expires', settings.expires],
    ['Encryption', settings.encryption],
    ['Preferred-Languages', settings.preferredLanguages],
    ['Canonical', `${publicUrl}/.well-known/security.txt`],
    ['Policy', settings.policy],
  ]
  return fields.map(([name, value]) => (value === undefined ? '' : `${name}: ${value}\n`)).join('')
}
