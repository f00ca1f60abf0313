// What a backup consists of (docs/decisions/0021): a directory with `manifest.json` in the open and sealed parts, MFB1
// under a key that only the root key gives. The manifest names each part with its size and digest, and a MAC under that
// key stands for the whole, so that parts of two backups, or none of ours, are never taken together.
import { createHmac, timingSafeEqual } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { toBase64Url, utf8 } from '../../base/bytes.ts'
import { fault } from '../../base/faults.ts'
import { id, integer, list, object, oneOf, parseShape, type Shaped, text } from '../../base/shape.ts'
import { canonicalJson, hkdfSha256 } from '../../seal/index.ts'

/** `keyring` is the vault's and the server's keys: it may be kept apart from the others. */
export const partNames = ['database', 'files', 'settings', 'keyring'] as const
export type PartName = (typeof partNames)[number]

const part = object({
  name: oneOf(...partNames),
  bytes: integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
  /** Of the sealed bytes, as they lie there. */
  sha256: text({ max: 64, form: /^[0-9a-f]{64}$/ }),
})
const contents = {
  format: oneOf('mayfly-backup-1'),
  id: id('backup'),
  installation: text({ max: 128, form: /^[0-9a-f]+$/ }),
  version: text({ max: 64 }),
  made_at: text({ max: 32 }),
  /** Not secret: two backups of one installation have different keys. */
  salt: text({ max: 64 }),
  parts: list(part, { min: partNames.length, max: partNames.length }),
}
const manifest = object({ ...contents, mac: text({ max: 64 }) })
export type Manifest = Shaped<typeof manifest>
export type ManifestContents = Omit<Manifest, 'mac'>
export type Part = Shaped<typeof part>

export const manifestFile = 'manifest.json'
export const fileOf = (name: PartName): string => `${name}.mfb`

export type BackupKeys = { readonly seal: Uint8Array; readonly mac: Uint8Array }

/** The root key is asked for nothing but this; what comes out opens no vault. */
export const backupKeys = async (rootKey: Uint8Array, salt: string): Promise<BackupKeys> => {
  const [seal, mac] = await hkdfSha256(rootKey, utf8(salt), [
    { info: utf8('mayfly/v1/backup'), length: 32 },
    { info: utf8('mayfly/v1/backup-manifest'), length: 32 },
  ])
  if (seal === undefined || mac === undefined) throw new Error('no backup keys')
  return { seal, mac }
}

export const signManifest = (content: ManifestContents, { mac }: BackupKeys): Manifest => ({
  ...content,
  mac: macOf(content, mac),
})

/** Read, not yet believed: `checkManifest` needs the root key. */
export const readManifest = async (directory: string): Promise<Manifest> => {
  const path = join(directory, manifestFile)
  const raw = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw fault('E_INPUT', { public: `${directory} is no backup: ${manifestFile} cannot be read`, cause })
  })
  const parsed = parseShape(manifest, parseJson(raw))
  if (!parsed.ok)
    throw fault('E_INPUT', { public: `${path} is no manifest: ${parsed.problems[0]?.message ?? 'no JSON'}` })
  return parsed.value
}

export const checkManifest = ({ mac, ...content }: Manifest, keys: BackupKeys): void => {
  const right = Buffer.from(macOf(content, keys.mac))
  const given = Buffer.from(mac)
  if (given.length === right.length && timingSafeEqual(given, right)) return
  throw fault('E_ROOT_KEY', {
    public: 'This root key did not make this backup, or its manifest was changed',
  })
}

const macOf = (content: ManifestContents, key: Uint8Array): string =>
  toBase64Url(createHmac('sha256', key).update(canonicalJson(content)).digest())

const parseJson = (raw: string): unknown => {
  try {
    return JSON.parse(raw)
  } catch {
    return null
  }
}
