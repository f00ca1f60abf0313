// Verbs of the vault about signers and about what an organisation demands of their statements; part of the table in vault.ts.
import { id, integer, list, nullable, object, oneOf, optional, type Shaped, text } from '../base/shape.ts'
import {
  bytes,
  countersignature,
  personName,
  statement as signedStatement,
  signerKey,
  statementProof,
} from './statement.ts'

const seconds = integer({ min: 0, max: 253_402_300_799 })
const digest = text({ max: 64, form: /^[0-9a-f]{64}$/ })
const count = integer({ min: 0, max: Number.MAX_SAFE_INTEGER })
const nothing = object({})
const done = object({ ok: oneOf(true) })
const publicKey = bytes({ length: 32 })
const signed = { statement: signedStatement, proof: statementProof }

/** With those that were removed: a key that was does not come back. */
export const signersKnownMax = 10_000

const signerMetadata = object({
  signer: id('signer'),
  kind: oneOf('ed25519', 'webauthn'),
  name: text({ max: 100 }),
  /** Whose key it is, by the operator's word; null: nobody said. */
  person: nullable(personName),
  /** Of a passkey, so that a browser can ask for it. */
  credential: nullable(text({ max: 2048 })),
  addedAt: seconds,
  state: oneOf('active', 'removed'),
  /** The digest of the statement that removed it. */
  head: nullable(digest),
})
export type SignerMetadata = Shaped<typeof signerMetadata>
const ruleMetadata = object({
  twoPerson: oneOf(true, false),
  /** Different people among the signers. */
  people: count,
  /** Of the last statement about it; null: there was none. */
  signer: nullable(id('signer')),
  changedAt: nullable(seconds),
  head: nullable(digest),
})
export type RuleMetadata = Shaped<typeof ruleMetadata>

export const signerVerbs = {
  /** A one-time code for the next signer, by the operator's word. It replaces one that was not used. */
  'signer.code': {
    sockets: ['admin'],
    request: nothing,
    answer: object({ code: text({ max: 64 }), exp: seconds }),
  },
  'signer.enroll': {
    sockets: ['server'],
    request: object({ key: signerKey, mac: bytes({ length: 32 }) }),
    answer: object({ signer: id('signer'), vsign: publicKey, mac: bytes({ length: 32 }) }),
  },
  'signer.remove': { sockets: ['server'], request: object(signed), answer: done },
  /** Whose key it is, said by the operator, who vouched for it with the code. */
  'signer.person': {
    sockets: ['admin'],
    request: object({ signer: id('signer'), person: personName }),
    answer: signerMetadata,
  },
  /** A key that nobody has any more, or the wrong person: the operator vouched for it, and does no longer. No statement is needed. */
  'signer.lost': { sockets: ['admin'], request: object({ signer: id('signer') }), answer: signerMetadata },
  'rules.get': { sockets: ['server'], request: object({ org: id('organisation') }), answer: ruleMetadata },
  'rules.set': {
    sockets: ['server'],
    request: object({ org: id('organisation'), ...signed, second: optional(countersignature) }),
    answer: ruleMetadata,
  },
  'signer.list': {
    sockets: ['server', 'admin'],
    request: nothing,
    answer: object({ signers: list(signerMetadata, { max: signersKnownMax }) }),
  },
} as const
