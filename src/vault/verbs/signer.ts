// Signers: the keys of people whose statements the vault believes. The operator's one-time code vouches for a new one
// (trust-model.md §4.2), so the server, which relays the enrolment, can enrol nobody; a signer removes another.
import { timingSafeEqual } from 'node:crypto'
import { fromBase64Url, toBase64Url, utf8 } from '../../base/bytes.ts'
import type { Clock, RandomBytes } from '../../base/clock.ts'
import { fault } from '../../base/faults.ts'
import { signersKnownMax } from '../../protocol/signer-verbs.ts'
import type { SignerKey } from '../../protocol/statement.ts'
import type { SignerMetadata, VaultAnswer, VaultRequest } from '../../protocol/vault.ts'
import { importVerifyKey, signerId, signerMac, vaultMac } from '../../seal/index.ts'
import type { ServiceKeys } from '../keys/service-keys.ts'
import { signerCodeSeconds, signersMax } from '../limits.ts'
import { acceptStatement, requireNext } from '../policy/statement.ts'
import { importPasskey } from '../policy/webauthn.ts'
import type { Records, SignerRecord } from '../store/records.ts'

export type SignerDeps = {
  readonly records: Records
  readonly keys: ServiceKeys
  readonly clock: Clock
  readonly randomBytes: RandomBytes
}

export interface Signers {
  makeCode(): VaultAnswer<'signer.code'>
  enroll(request: VaultRequest<'signer.enroll'>): Promise<VaultAnswer<'signer.enroll'>>
  remove(request: VaultRequest<'signer.remove'>): Promise<{ ok: true }>
  /** The operator's word, for when no other signer is left to say it. */
  isLost(request: VaultRequest<'signer.lost'>): Promise<SignerMetadata>
  list(): VaultAnswer<'signer.list'>
  /** Whose key it is; said once more, it is somebody else's. */
  belongsTo(request: VaultRequest<'signer.person'>): Promise<SignerMetadata>
}

type Code = { readonly text: string; readonly exp: number }

/** The code lives in memory only: a restart of the vault voids it. */
export const createSigners = (deps: SignerDeps): Signers => {
  const { records, clock } = deps
  let code: Code | null = null
  const nowSeconds = () => Math.floor(clock.now() / 1000)
  return {
    makeCode: () => {
      code = { text: toBase64Url(deps.randomBytes(16)), exp: nowSeconds() + signerCodeSeconds }
      return { code: code.text, exp: code.exp }
    },
    enroll: async ({ key, mac }) => {
      const known = code
      if (known === null || known.exp <= nowSeconds() || !isEqual(mac, await signerMac(known.text, key)))
        throw fault('E_SIGNER_CODE')
      const signer = await signerId(await checkedKey(key))
      // Looked at again: somebody else may have used it while we computed.
      if (code !== known) throw fault('E_SIGNER_CODE')
      code = null
      const record: SignerRecord = { signer, key, addedAt: nowSeconds(), state: 'active', head: null }
      await records.change('signer', signer, (current) => {
        if (current !== null)
          throw fault('E_CONFLICT', {
            public:
              'This key was enrolled before. One that was removed does not come back: make another (the command line makes one when its signer.json is moved away)',
          })
        requireRoom(records)
        return record
      })
      const vsign = toBase64Url(deps.keys.vsign.publicKey)
      return { signer, vsign, mac: await vaultMac(known.text, { signer, vsign }) }
    },
    remove: async (request) => {
      const { sub } = request.statement
      const expected = { type: 'signer.remove' as const, sub, nowSeconds: nowSeconds() }
      const accepted = await acceptStatement(records, request, expected)
      await records.change('signer', sub, (current) => {
        if (current === null) throw fault('E_NOT_FOUND', { public: 'The vault does not know this signer' })
        if (current.head === accepted.digest) return current
        requireNext(current.head, accepted)
        return { ...current, state: 'removed', head: accepted.digest }
      })
      return { ok: true }
    },
    belongsTo: async ({ signer, person }) => {
      const named = { record: null as SignerRecord | null }
      await records.change('signer', signer, (current) => {
        if (current?.state !== 'active')
          throw fault('E_NOT_FOUND', { public: 'The vault does not know this signer' })
        named.record = current.person === person ? current : { ...current, person }
        return named.record
      })
      if (named.record === null) throw fault('E_NOT_FOUND')
      return metadataOf(named.record)
    },
    isLost: async ({ signer }) => {
      await records.change('signer', signer, (current) => {
        if (current === null) throw unknown()
        return current.state === 'removed' ? current : { ...current, state: 'removed' }
      })
      const record = records.find('signer', signer)
      if (record === null) throw unknown()
      return metadataOf(record)
    },
    list: () => ({ signers: records.list('signer').map(metadataOf) }),
  }
}

const requireRoom = (records: Records): void => {
  const known = records.list('signer')
  if (known.filter(({ state }) => state === 'active').length >= signersMax)
    throw fault('E_TOO_LARGE', { public: `There are at most ${signersMax} signers: remove one first` })
  if (known.length >= signersKnownMax)
    throw fault('E_TOO_LARGE', { public: `The vault knows ${signersKnownMax} signers, and takes no other` })
}

const unknown = () => fault('E_NOT_FOUND', { public: 'The vault does not know this signer' })

const metadataOf = ({ signer, key, addedAt, state, head, person }: SignerRecord): SignerMetadata => ({
  signer,
  kind: key.kind,
  name: key.name,
  person: person ?? null,
  credential: key.kind === 'webauthn' ? key.credential : null,
  addedAt,
  state,
  head,
})

const checkedKey = async (key: SignerKey): Promise<Uint8Array> => {
  const bytes = fromBase64Url(key.public_key) ?? new Uint8Array(0)
  const isUsable =
    key.kind === 'ed25519' ? (await importVerifyKey(bytes)) !== null : importPasskey(key.public_key) !== null
  if (!isUsable) throw fault('E_INPUT', { public: 'public_key is not a key of a kind that the vault checks' })
  return bytes
}

const isEqual = (given: string, right: string): boolean => {
  const [a, b] = [utf8(given), utf8(right)]
  return a.length === b.length && timingSafeEqual(a, b)
}
