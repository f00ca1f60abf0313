// The envelopes between vault, server, runner and people, each in one place for both ends: what is sealed to whom,
// under which `info`, bound to which context (trust-model.md §3.2, §4.4; foundation.md §3, §6).
// Everything that opens answers null when the envelope is not genuine.
import { type Bytes, concatBytes, fromBase64Url, toBase64Url, utf8 } from '../base/bytes.ts'
import type { AttemptId, HookId, ProjectId, WebhookId } from '../base/ids.ts'
import { logKeyBytes } from './frame.ts'
import { hpkeOpen, hpkeSeal, type OpeningKey, prepareSeal, type SealingKey } from './hpke.ts'
import { canonicalJson } from './jcs.ts'
import { type KeyPair, signBytes, verifyBytes } from './keys.ts'
import { type CryptoKey, sha256 } from './subtle.ts'

/** Whose log it is. */
type LogOwner = { readonly project: ProjectId; readonly attempt: AttemptId }

/** Runner → vault: the key of an attempt's log, for the ingest key. */
export type LogKeySeal = (logKey: Uint8Array, owner: LogOwner) => Promise<Bytes>

/** For one log that is not known yet; null when `ingestKey` is not usable. `ephemeral` is used for it alone. */
export const prepareLogKeySeal = async (
  ingestKey: Uint8Array,
  ephemeral?: SealingKey,
): Promise<LogKeySeal | null> => {
  const seal = await prepareSeal(ingestKey, logKeyInfo, ephemeral)
  return seal === null ? null : (logKey, owner) => seal(logKey, logKeyContext(owner).aad)
}

export const openLogKey = async (
  ingest: KeyPair | OpeningKey,
  sealed: Uint8Array,
  owner: LogOwner,
): Promise<Bytes | null> => {
  const key = await hpkeOpen(ingest, sealed, logKeyContext(owner))
  return key?.length === logKeyBytes ? key : null
}

/** Runner → vault: the key of a stored object, for the ingest key, bound to its manifest. null: the key is not usable. */
export const sealObjectKey = async (
  ingestKey: Uint8Array,
  key: Uint8Array,
  manifest: string,
): Promise<Bytes | null> => hpkeSeal(ingestKey, key, await objectKeyContext(manifest))

export const openObjectKey = async (
  ingest: KeyPair | OpeningKey,
  sealed: Uint8Array,
  manifest: string,
): Promise<Bytes | null> => {
  const key = await hpkeOpen(ingest, sealed, await objectKeyContext(manifest))
  return key?.length === logKeyBytes ? key : null
}

/** Vault → person: the secret of a webhook, shown once. */
export const sealHookSecret = (eph: Uint8Array, secret: Uint8Array, hook: HookId): Promise<Bytes | null> =>
  hpkeSeal(eph, secret, { info: 'mayfly/v1/hook-secret', aad: utf8(hook) })

export const openHookSecret = (eph: KeyPair, sealed: Uint8Array, hook: HookId): Promise<Bytes | null> =>
  hpkeOpen(eph, sealed, { info: 'mayfly/v1/hook-secret', aad: utf8(hook) })

/** Vault → person: the secret that signs what a target of webhooks is told, shown once. */
export const sealWebhookSecret = (
  eph: Uint8Array,
  secret: Uint8Array,
  webhook: WebhookId,
): Promise<Bytes | null> => hpkeSeal(eph, secret, { info: 'mayfly/v1/webhook-secret', aad: utf8(webhook) })

export const openWebhookSecret = (
  eph: KeyPair,
  sealed: Uint8Array,
  webhook: WebhookId,
): Promise<Bytes | null> => hpkeOpen(eph, sealed, { info: 'mayfly/v1/webhook-secret', aad: utf8(webhook) })

/**
 * Vault → runner: `base64url(enc ‖ ct ‖ VSIGN signature over enc ‖ ct ‖ aad)`, aad = SHA-256(ticket text). For one payload
 * that is not known yet, as most of sealing does not depend on it. null: `eph` is not usable.
 */
export const prepareRelease = async (
  eph: Uint8Array,
  options: { readonly ticket: string; readonly vsign: CryptoKey },
): Promise<((payload: Uint8Array) => Promise<string>) | null> => {
  const [aad, seal] = await Promise.all([sha256(utf8(options.ticket)), prepareSeal(eph, releaseInfo)])
  if (seal === null) return null
  return async (payload) => {
    const sealed = await seal(payload, aad)
    const signature = await signBytes(options.vsign, concatBytes([sealed, aad]))
    return toBase64Url(concatBytes([sealed, signature]))
  }
}

/** The payload: JSON of `agentPayload`, `jobPayload` or `blobKeyPayload` (protocol/vault.ts), by what was asked for. */
export const openRelease = async (
  eph: KeyPair | OpeningKey,
  answer: string,
  options: { readonly ticket: string; readonly vsign: CryptoKey },
): Promise<Bytes | null> => {
  const bytes = fromBase64Url(answer)
  if (bytes === null || bytes.length < signatureBytes) return null
  const sealed = bytes.subarray(0, bytes.length - signatureBytes)
  const aad = await sha256(utf8(options.ticket))
  const signature = bytes.subarray(sealed.length)
  if (!(await verifyBytes(options.vsign, signature, concatBytes([sealed, aad])))) return null
  return hpkeOpen(eph, sealed, { info: releaseInfo, aad })
}

/** Vault → everybody who seals: the current ingest key, vouched for by VSIGN until `exp` (Unix seconds). */
export type IngestKey = {
  readonly kid: string
  readonly pk: string
  readonly exp: number
  readonly sig: string
}

export const signIngestKey = async (
  key: { readonly kid: string; readonly pk: string; readonly exp: number },
  vsign: CryptoKey,
): Promise<IngestKey> => {
  const { kid, pk, exp } = key
  return { kid, pk, exp, sig: toBase64Url(await signBytes(vsign, ingestText({ kid, pk, exp }))) }
}

/** The key's 32 bytes, when VSIGN vouches for it and it has not expired. */
export const verifyIngestKey = async (
  key: IngestKey,
  options: { readonly vsign: CryptoKey; readonly nowSeconds: number },
): Promise<Bytes | null> => {
  const signature = fromBase64Url(key.sig)
  if (signature === null || key.exp <= options.nowSeconds) return null
  const genuine = await verifyBytes(options.vsign, signature, ingestText(key))
  return genuine ? fromBase64Url(key.pk) : null
}

const releaseInfo = 'mayfly/v1/release'
const signatureBytes = 64

/** Ids have a fixed length, so that nothing can move from one to the other. */
const logKeyContext = (owner: LogOwner) => ({
  info: logKeyInfo,
  aad: utf8(owner.project + owner.attempt),
})
const logKeyInfo = 'mayfly/v1/log-key'

const objectKeyContext = async (manifest: string) => ({
  info: 'mayfly/v1/object-key',
  aad: await sha256(utf8(manifest)),
})

const ingestText = ({ kid, pk, exp }: { kid: string; pk: string; exp: number }): Bytes =>
  utf8(`mayfly/v1/ingest-key\n${canonicalJson({ kid, pk, exp })}`)
