// Is a statement genuine, fresh and of somebody who may make it (trust-model.md §4.2)? That it follows the one before it
// about the same subject is checked where the record changes, so that two at once cannot both follow.
import { createHash } from 'node:crypto'
import { fromBase64Url } from '../../base/bytes.ts'
import { fault } from '../../base/faults.ts'
import type { OrganisationId } from '../../base/ids.ts'
import {
  type Countersignature,
  proposalAgeSecondsMax,
  type Statement,
  type StatementProof,
  statementAgeSecondsMax,
} from '../../protocol/statement.ts'
import { importVerifyKey, statementBytes, statementDigest, verifyBytes } from '../../seal/index.ts'
import { clockSkewSeconds } from '../limits.ts'
import type { Records, SignerRecord } from '../store/records.ts'
import { verifyAssertion } from './webauthn.ts'

export type Accepted<S extends Statement> = {
  readonly statement: S
  readonly signer: SignerRecord
  /** Who countersigned this very statement. */
  readonly second: SignerRecord | null
  readonly digest: string
}
type Signed<S> = {
  readonly statement: S
  readonly proof: StatementProof
  readonly second?: Countersignature | undefined
}

/** Throws the code of the first thing that is wrong. What a second person stands for may have waited for them. */
export const acceptStatement = async <S extends Statement>(
  records: Records,
  { statement, proof, second }: Signed<S>,
  expected: { readonly type: S['type']; readonly sub: string; readonly nowSeconds: number },
): Promise<Accepted<S>> => {
  const { type, sub, nowSeconds } = expected
  if (statement.type !== type || statement.sub !== sub)
    throw fault('E_INPUT', { public: 'The statement is about something else' })
  const signer = await signerOf(records, statement, proof)
  const digest = await statementDigest(statement)
  const countersigner = second === undefined ? null : await acceptSecond(records, second, digest, nowSeconds)
  requireFresh(statement, nowSeconds, countersigner === null ? statementAgeSecondsMax : proposalAgeSecondsMax)
  return { statement, signer, second: countersigner, digest }
}

const acceptSecond = async (
  records: Records,
  { statement, proof }: Countersignature,
  digest: string,
  nowSeconds: number,
): Promise<SignerRecord> => {
  if (statement.sub !== digest || statement.prev !== null)
    throw fault('E_INPUT', { public: 'The second signature is about something else' })
  const signer = await signerOf(records, statement, proof)
  requireFresh(statement, nowSeconds, statementAgeSecondsMax)
  return signer
}

const signerOf = async (
  records: Records,
  statement: Statement,
  proof: StatementProof,
): Promise<SignerRecord> => {
  const signer = records.find('signer', statement.iss)
  if (signer?.state !== 'active') throw fault('E_STMT_SIG', { public: 'The vault does not know this signer' })
  if (!(await isGenuine(statementBytes(statement), proof, signer))) throw fault('E_STMT_SIG')
  return signer
}

const requireFresh = ({ iat }: Statement, nowSeconds: number, ageSecondsMax: number): void => {
  const age = nowSeconds - iat
  if (age > ageSecondsMax || age < -clockSkewSeconds) throw fault('E_STMT_STALE')
}

/** Of what loosens. The vault knows whose key it is by the operator's word only: two keys of one person are one person. */
export const requireSecond = (
  records: Records,
  org: OrganisationId,
  { signer, second }: Accepted<Statement>,
): void => {
  if (records.find('rule', org)?.twoPerson !== true) return
  if (second === null)
    throw fault('E_STMT_SECOND', {
      public: 'This lets more jobs have it, or for longer: a second person signs it',
    })
  const [one, two] = [personOf(records, signer), personOf(records, second)]
  if (one === undefined || two === undefined)
    throw fault('E_STMT_SECOND', {
      public: 'The operator has not said whose key that is: `mayfly vault signer-person`',
    })
  if (one === two) throw fault('E_STMT_SECOND', { public: 'Both signatures are of the same person' })
}

/** As it is now: it is read where the record changes. */
const personOf = (records: Records, { signer }: SignerRecord): string | undefined => {
  const record = records.find('signer', signer)
  return record?.state === 'active' ? record.person : undefined
}

/** `head`: the digest of the last accepted statement about the subject, null when there was none. */
export const requireNext = (head: string | null, { statement }: Accepted<Statement>): void => {
  if (statement.prev !== head) throw fault('E_STMT_PREV')
}

const isGenuine = async (
  bytes: Uint8Array,
  proof: StatementProof,
  { key }: SignerRecord,
): Promise<boolean> => {
  if (proof.kind === 'webauthn')
    return key.kind === 'webauthn' && verifyAssertion(key, proof, createHash('sha256').update(bytes).digest())
  if (key.kind !== 'ed25519') return false
  const publicKey = await importVerifyKey(fromBase64Url(key.public_key) ?? new Uint8Array(0))
  const signature = fromBase64Url(proof.sig)
  return publicKey !== null && signature !== null && verifyBytes(publicKey, signature, bytes)
}
