// What the vault is asked about targets of webhooks: part of the table in vault.ts.
import { id, integer, list, object, oneOf, optional, text } from '../base/shape.ts'
import { bytes } from './statement.ts'
import { senderOverlapSecondsMax, webhookMessageBytesMax } from './webhooks.ts'

const publicKey = bytes({ length: 32 })
/** No signer stands for these records. */
const statement = optional(oneOf(null))

/** `publicKey`: `whpk_` and base64, which is no secret. */
const shownSender = object({
  secretSealed: bytes({ max: 4096 }),
  publicKey: text({ max: 64 }),
  version: integer({ min: 1, max: 1_000_000 }),
})

export const senderVerbs = {
  /** A target of webhooks: keys of its own that sign what it is told. Its secret is sealed to whom it is shown, once. */
  'sender.create': {
    sockets: ['server'],
    request: object({ webhook: id('webhook'), project: id('project'), eph: publicKey, statement }),
    answer: shownSender,
  },
  /** New keys; those of before sign as well for so long. */
  'sender.rotate': {
    sockets: ['server'],
    request: object({
      webhook: id('webhook'),
      project: id('project'),
      eph: publicKey,
      overlapSeconds: integer({ min: 0, max: senderOverlapSecondsMax }),
      statement,
    }),
    answer: shownSender,
  },
  'sender.delete': {
    sockets: ['server'],
    request: object({ webhook: id('webhook'), project: id('project'), statement }),
    answer: object({ ok: oneOf(true) }),
  },
  /** Of a body that was not sent yet: what stands in the headers that prove it. */
  'sender.sign': {
    sockets: ['server'],
    request: object({
      webhook: id('webhook'),
      project: id('project'),
      message: id('message'),
      at: integer({ min: 0, max: 253_402_300_799 }),
      body: text({ max: webhookMessageBytesMax }),
    }),
    answer: object({
      /** Of Standard Webhooks: `v1,…` and `v1a,…`, of each key pair that counts. */
      standard: list(text({ max: 128 }), { min: 2, max: 4 }),
      /** `v1=<hex>` of the body alone, of the newest secret. */
      circleci: text({ max: 128 }),
    }),
  },
} as const
