// Is a statement genuine, fresh and of somebody who may make it (trust-model.md §4.2)? That it follows the one before it
// about the same subject is checked where the record changes, so that two at once cannot both follow.
import { createHash } from 'node:crypto'
import { fromBase64Url } from '../../base/bytes.ts'
import { fault } from '../../base/faults.ts'
import { type Statement, type StatementProof, statementAgeSecondsMax } from '../../protocol/statement.ts'
import { importVerifyKey, statementBytes, statementDigest, verifyBytes } from '../../seal/index.ts'
import { clockSkewSeconds } from '../limits.ts'
import type { Records, SignerRecord } from '../store/records.ts'
import { verifyAssertion } from './webauthn.ts'

export type Accepted<S extends Statement> = {
  readonly statement: S
  readonly signer: SignerRecord
  readonly digest: string
}

/** Throws the code of the first thing that is wrong. */
export const acceptStatement = async <S extends Statement>(
  records: Records,
  { statement, proof }: { readonly statement: S; readonly proof: StatementProof },
  expected: { readonly type: S['type']; readonly sub: string; readonly nowSeconds: number },
): Promise<Accepted<S>> => {
  if (statement.type !== expected.type || statement.sub !== expected.sub)
    throw fault('E_INPUT', { public: 'The statement is about something else' })
  const signer = records.find('signer', statement.iss)
  if (signer?.state !== 'active') throw fault('E_STMT_SIG', { public: 'The vault does not know this signer' })
  if (!(await isGenuine(statementBytes(statement), proof, signer))) throw fault('E_STMT_SIG')
  const age = expected.nowSeconds - statement.iat
  if (age > statementAgeSecondsMax || age < -clockSkewSeconds) throw fault('E_STMT_STALE')
  return { statement, signer, digest: await statementDigest(statement) }
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
