// OIDC vN: the RSA keys that identity tokens are signed with. Made with the first need of one, because it takes a second; the
// private half is opened for signing and leaves nothing but signatures. After a rotation the old public key stays published
// until its last token has expired; its private half is gone at once.
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPair,
  type KeyObject,
  sign,
} from 'node:crypto'
import { promisify } from 'node:util'
import { fromBase64Url, toBase64Url } from '../../base/bytes.ts'
import type { Clock } from '../../base/clock.ts'
import { fault } from '../../base/faults.ts'
import { type IdentityKey, identityLifeSeconds } from '../../protocol/identity.ts'
import { clockSkewSeconds } from '../limits.ts'
import type { KeyRecord, Records } from '../store/records.ts'
import type { MasterKey } from './keyring.ts'

export interface IdentityKeys {
  /** A JWT with these claims, by the newest key. */
  sign(claims: object): Promise<string>
  /** Newest first: those whose tokens may still be good. */
  published(): Promise<readonly IdentityKey[]>
  /** A new key from now on; answers its `kid`. */
  rotate(): Promise<string>
}

type Deps = { readonly records: Records; readonly master: MasterKey; readonly clock: Clock }
type Signer = { readonly kid: string; readonly key: KeyObject }

const rsaBits = 3072
const generate = promisify(generateKeyPair)
const signAsync = promisify(sign)

export const createIdentityKeys = (deps: Deps): IdentityKeys => {
  let signer: Promise<Signer> | null = null
  // One at a time: of two at once the first key would never be used.
  let making: Promise<unknown> = Promise.resolve()
  const make = (isWanted: () => boolean): Promise<void> => {
    const made = making.then(async () => {
      if (!isWanted()) return
      await makeKey(deps)
      signer = null
    })
    making = made.catch(() => undefined)
    return made
  }
  const ensure = () => make(() => current(deps.records) === null)
  const open = (): Promise<Signer> => {
    const opening = signer ?? ensure().then(() => openSigner(deps))
    signer = opening
    opening.catch(() => {
      if (signer === opening) signer = null
    })
    return opening
  }
  return {
    sign: async (claims) => {
      const { kid, key } = await open()
      const signed = `${part({ alg: 'RS256', typ: 'JWT', kid })}.${part(claims)}`
      return `${signed}.${(await signAsync('RSA-SHA256', Buffer.from(signed), key)).toString('base64url')}`
    },
    published: async () => {
      await ensure()
      return published(deps)
    },
    rotate: async () => {
      await make(() => true)
      return (await open()).kid
    },
  }
}

const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')

const recordId = (version: number): string => `oidc-${version}`
const wrapContext = (version: number) => ({ kind: 'oidc', v: version })

/** The newest one's version; null: there is none yet. */
const current = (records: Records): number | null => versions(records).at(0) ?? null

const versions = (records: Records): readonly number[] =>
  records
    .list('identity')
    .map(({ version }) => version)
    .sort((a, b) => b - a)

const makeKey = async ({ records, master }: Deps): Promise<void> => {
  const before = current(records)
  const { publicKey, privateKey } = await generate('rsa', { modulusLength: rsaBits })
  const version = (before ?? 0) + 1
  const pkcs8 = privateKey.export({ type: 'pkcs8', format: 'der' })
  const wrapped = await master.wrap(pkcs8, wrapContext(version))
  pkcs8.fill(0)
  const spki = publicKey.export({ type: 'spki', format: 'der' })
  await records.change('identity', recordId(version), () => ({
    version,
    publicKey: toBase64Url(spki),
    wrapped,
  }))
}

/** What is older signs no more; what nobody can hold a good token of is forgotten. */
const retire = async ({ records, clock }: Deps, newest: number): Promise<void> => {
  const now = Math.floor(clock.now() / 1000)
  for (const version of versions(records).filter((each) => each < newest))
    await records.change('identity', recordId(version), (record) => {
      if (record === null || isPast(record, now)) return null
      return record.retiredAt === undefined ? { ...record, wrapped: '', retiredAt: now } : record
    })
}

const isPast = ({ retiredAt }: KeyRecord, nowSeconds: number): boolean =>
  retiredAt !== undefined && nowSeconds > retiredAt + identityLifeSeconds + clockSkewSeconds

const published = ({ records, clock }: Deps): readonly IdentityKey[] => {
  const now = Math.floor(clock.now() / 1000)
  return versions(records)
    .map((version) => records.find('identity', recordId(version)))
    .filter((record) => record !== null)
    .filter((record) => !isPast(record, now))
    .map(({ publicKey }) => jwkOf(publicKey))
}

const openSigner = async (deps: Deps): Promise<Signer> => {
  const { records, master } = deps
  const version = current(records) ?? 0
  await retire(deps, version)
  const record = records.find('identity', recordId(version))
  if (record === null) throw fault('E_INTERNAL', { detail: 'there is no key for identity tokens' })
  const pkcs8 = await master.unwrap(record.wrapped, wrapContext(version))
  const key = createPrivateKey({ key: Buffer.from(pkcs8), type: 'pkcs8', format: 'der' })
  pkcs8.fill(0)
  return { kid: jwkOf(record.publicKey).kid, key }
}

const jwkOf = (publicKey: string): IdentityKey => {
  const spki = Buffer.from(fromBase64Url(publicKey) ?? new Uint8Array(0))
  const { n = '', e = '' } = createPublicKey({ key: spki, type: 'spki', format: 'der' }).export({
    format: 'jwk',
  })
  const kid = createHash('sha256')
    .update(JSON.stringify({ e, kty: 'RSA', n }))
    .digest('base64url')
  return { kty: 'RSA', use: 'sig', alg: 'RS256', kid, n, e }
}
