// Statements and the secrets they speak of, for both ends: bytes that are signed, digests that chain, values sealed
// under the statement that names them, and the one-time code that vouches for a signer's key (trust-model.md §4.2, §4.3).
import { type Bytes, concatBytes, fromBase64Url, toBase64Url, toHex, utf8 } from '../base/bytes.ts'
import { formatId, type SignerId } from '../base/ids.ts'
import { sha256 as sha256Here } from '../base/sha256.ts'
import {
  type SealedSecret,
  type SignerKey,
  type Statement,
  type StatementProof,
  sealSuite,
} from '../protocol/statement.ts'
import { hpkeOpen, hpkeSeal, type OpeningKey } from './hpke.ts'
import { canonicalJson } from './jcs.ts'
import { type KeyPair, publicKeyBytes, signBytes } from './keys.ts'
import { type CryptoKey, hkdfSha256, hmacSha256, sha256 } from './subtle.ts'

export const statementBytes = (statement: Statement): Bytes =>
  utf8(`mayfly-statement-v1\n${canonicalJson(statement)}`)

/** What the next statement about the same subject names as its `prev`. No secret, and shown on pages that have no WebCrypto, too. */
export const statementDigest = async (statement: Statement): Promise<string> =>
  toHex(sha256Here(statementBytes(statement)))

export const signStatement = async (
  statement: Statement,
  privateKey: CryptoKey,
): Promise<StatementProof> => ({
  kind: 'ed25519',
  sig: toBase64Url(await signBytes(privateKey, statementBytes(statement))),
})

/** A key has one id, wherever it is enrolled. */
export const signerId = async (publicKey: Uint8Array): Promise<SignerId> =>
  formatId('signer', (await sha256(publicKey)).subarray(0, 16))

/** null when `ingest` is not a usable key. */
export const sealSecret = async (
  ingest: { readonly kid: string; readonly key: Uint8Array },
  value: Uint8Array,
  statement: Statement,
): Promise<SealedSecret | null> => {
  const sealed = await hpkeSeal(ingest.key, value, secretContext(statement))
  if (sealed === null) return null
  const [enc, ct] = [sealed.subarray(0, publicKeyBytes), sealed.subarray(publicKeyBytes)]
  return { v: 1, suite: sealSuite, kid: ingest.kid, enc: toBase64Url(enc), ct: toBase64Url(ct) }
}

/** null when it was not sealed to this key under this very statement. */
export const openSecret = async (
  ingest: KeyPair | OpeningKey,
  sealed: SealedSecret,
  statement: Statement,
): Promise<Bytes | null> => {
  const [enc, ct] = [fromBase64Url(sealed.enc), fromBase64Url(sealed.ct)]
  return enc === null || ct === null
    ? null
    : hpkeOpen(ingest, concatBytes([enc, ct]), secretContext(statement))
}

/** Client → vault: who knows the code vouches for this key. */
export const signerMac = async (code: string, key: SignerKey): Promise<string> =>
  codeMac(code, 'mayfly/v1/signer-key', key)

/** Vault → client: who made the code signs with this key, whatever the server in between says. */
export const vaultMac = async (
  code: string,
  vault: { readonly signer: SignerId; readonly vsign: string },
): Promise<string> => codeMac(code, 'mayfly/v1/signer-vault', vault)

const codeMac = async (code: string, info: string, value: unknown): Promise<string> => {
  const [key] = await hkdfSha256(utf8(code), new Uint8Array(0), [{ info: utf8(info), length: 32 }])
  return toBase64Url(await hmacSha256(key ?? new Uint8Array(0), utf8(canonicalJson(value))))
}

const secretContext = (statement: Statement) => ({
  info: 'mayfly/v1/ingest',
  aad: utf8(canonicalJson(statement)),
})
