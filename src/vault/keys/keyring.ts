// The vault master key (VMK): wrapped by the root key in its own file `keyring`, which backups keep apart from the
// data. It wraps every other key of the vault; each wrapping is bound by its AAD to what it is and whose it is, so a
// wrapped key cannot be moved to another record (trust-model.md §3.1).
import { readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { type Bytes, utf8 } from '../../base/bytes.ts'
import type { RandomBytes } from '../../base/clock.ts'
import { fault } from '../../base/faults.ts'
import { integer, list, object, oneOf, parseShape, text } from '../../base/shape.ts'
import {
  type CryptoKey,
  canonicalJson,
  hkdfSha256,
  importAesKey,
  openMv1,
  sealMv1,
} from '../../seal/index.ts'
import { ensureDirectory, writeFileDurably } from '../../sys/index.ts'

/** What a wrapped key is; `kind` and `v` always, then whose. */
export type WrapContext = Readonly<Record<string, string | number>> & {
  readonly kind: string
  readonly v: number
}

export interface MasterKey {
  readonly version: number
  wrap(plaintext: Uint8Array, context: WrapContext): Promise<string>
  /** The caller wipes the result. What does not open is E_STORE_TAMPERED. */
  unwrap(wrapped: string, context: WrapContext): Promise<Bytes>
  /** For MACs over the store. */
  readonly storeKey: Bytes
}

type Options = {
  readonly path: string
  readonly rootKey: CryptoKey
  readonly installation: string
  readonly randomBytes: RandomBytes
  /** A store without its keyring is not a new installation: refuse instead of making a key that opens nothing. */
  readonly storeExists: boolean
}

const document = object({
  v: oneOf(1),
  installation: text({ max: 128 }),
  keys: list(object({ v: integer({ min: 1, max: 1_000_000 }), wrapped: text({ max: 1024 }) }), {
    min: 1,
    max: 1,
  }),
})
const version = 1

export const openKeyring = async (options: Options): Promise<MasterKey> => {
  const raw = (await readVmk(options)) ?? (await makeVmk(options))
  const id = `vmk-${version}`
  const key = await importAesKey(raw)
  const [storeKey] = await hkdfSha256(raw, utf8(options.installation), [
    { info: utf8('mayfly/v1/store'), length: 32 },
  ])
  raw.fill(0)
  if (storeKey === undefined) throw new Error('no store key')
  const aadOf = (context: WrapContext) => utf8(canonicalJson({ ...context, install: options.installation }))
  return {
    version,
    storeKey,
    wrap: (plaintext, context) => sealMv1({ id, key }, plaintext, aadOf(context)),
    unwrap: async (wrapped, context) => {
      const keyFor = (keyId: string) => (keyId === id ? key : null)
      const plaintext = await openMv1(wrapped, { keyFor, aad: aadOf(context) })
      if (plaintext === null)
        throw fault('E_STORE_TAMPERED', { detail: `wrapped ${context.kind} does not open` })
      return plaintext
    },
  }
}

/** null when there is no keyring yet. */
const readVmk = async (options: Options): Promise<Bytes | null> => {
  const content = await readFile(options.path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' && !options.storeExists) return null
    throw fault('E_ROOT_KEY', { detail: `the keyring ${options.path} cannot be read`, cause: error })
  })
  if (content === null) return null
  const parsed = parseShape(document, parseJson(content))
  const entry = parsed.ok ? parsed.value.keys[0] : undefined
  if (!parsed.ok || entry?.v !== version) throw fault('E_ROOT_KEY', { detail: 'the keyring is malformed' })
  const keyFor = (keyId: string) => (keyId === 'root' ? options.rootKey : null)
  const raw = await openMv1(entry.wrapped, { keyFor, aad: vmkAad(options.installation) })
  if (raw?.length !== 32) throw fault('E_ROOT_KEY', { public: 'The root key does not open this keyring' })
  return raw
}

const makeVmk = async (options: Options): Promise<Bytes> => {
  const raw = Uint8Array.from(options.randomBytes(32))
  const wrapped = await sealMv1({ id: 'root', key: options.rootKey }, raw, vmkAad(options.installation))
  const keyring = { v: 1, installation: options.installation, keys: [{ v: version, wrapped }] }
  await ensureDirectory(dirname(options.path))
  await writeFileDurably(options.path, `${JSON.stringify(keyring)}\n`)
  return raw
}

const vmkAad = (installation: string): Bytes =>
  utf8(canonicalJson({ install: installation, kind: 'vmk', v: version }))

const parseJson = (content: string): unknown => {
  try {
    return JSON.parse(content)
  } catch {
    return null
  }
}
