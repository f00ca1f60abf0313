// The door of seal: sealed and signed formats on WebCrypto, for Node and browsers. Keeps no key, does no I/O.
export { decryptBlob, encryptBlob, openBlob } from './blob.ts'
export {
  type LogKeySeal,
  openHookSecret,
  openLogKey,
  openObjectKey,
  openRelease,
  openWebhookSecret,
  prepareLogKeySeal,
  prepareRelease,
  sealHookSecret,
  sealObjectKey,
  sealWebhookSecret,
  signIngestKey,
  verifyIngestKey,
} from './envelope.ts'
export {
  type GcmOpen,
  type GcmSeal,
  generateLogKey,
  importLogKey,
  logKeyBytes,
  openFrame,
  sealFrame,
} from './frame.ts'
export { hpkeOpen, hpkeSeal, type OpeningKey, type SealingKey } from './hpke.ts'
export { canonicalJson, jcsDigest } from './jcs.ts'
export { type JwsClaims, type Sign, signJws, type Verify, verifyJws } from './jws.ts'

export {
  type GeneratedKey,
  generateEphemeralKey,
  generateSealingKey,
  generateSigningKey,
  importSigningKey,
  importVerifyKey,
  type KeyPair,
  verifyBytes,
} from './keys.ts'
export { openMv1, sealMv1 } from './mv1.ts'
export { privateKeyProblem } from './private-key-problem.ts'
export { specDigest } from './spec-digest.ts'
export {
  openSecret,
  sealSecret,
  signerId,
  signerMac,
  signStatement,
  statementBytes,
  statementDigest,
  vaultMac,
} from './statement.ts'
export { type CryptoKey, hkdfSha256, importAesKey, sha256 } from './subtle.ts'
