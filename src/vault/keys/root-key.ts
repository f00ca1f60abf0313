// The keyfile provider: 32 raw bytes that wrap the VMK (trust-model.md §3.3). The file must be readable by nobody but
// its owner, and must not lie where backups of the data would take it along.
import { constants } from 'node:fs'
import { type FileHandle, open, realpath } from 'node:fs/promises'
import { sep } from 'node:path'
import { type Fault, fault } from '../../base/faults.ts'
import { type CryptoKey, importAesKey } from '../../seal/index.ts'
import { rootKeyBytes } from '../limits.ts'

/** `outside` lists the directories the file must not be in. Every refusal is E_ROOT_KEY with its reason. */
export const readRootKey = async (
  path: string,
  options: { readonly outside: readonly string[] },
): Promise<CryptoKey> => {
  for (const directory of options.outside)
    if (await isInside(path, directory)) throw refused(`${path} lies inside ${directory}`)
  const file = await openWithoutFollowing(path)
  try {
    const raw = await readChecked(file, path)
    const key = await importAesKey(raw)
    raw.fill(0)
    return key
  } finally {
    await file.close()
  }
}

/** Checks the opened file, not the name, so that nothing can be swapped in between. */
const readChecked = async (file: FileHandle, path: string): Promise<Buffer> => {
  const facts = await file.stat()
  const own = process.getuid?.()
  if (!facts.isFile()) throw refused(`${path} is not a regular file`)
  if ((facts.mode & 0o077) !== 0) throw refused(`${path} is accessible to others: make it 0400`)
  if (own !== undefined && facts.uid !== own && facts.uid !== 0)
    throw refused(`${path} belongs to another user`)
  if (facts.size !== rootKeyBytes) throw refused(`${path} does not hold exactly ${rootKeyBytes} bytes`)
  const raw = Buffer.alloc(rootKeyBytes)
  const { bytesRead } = await file.read(raw, 0, rootKeyBytes, 0)
  if (bytesRead !== rootKeyBytes || raw.every((byte) => byte === raw[0]))
    throw refused(`${path} holds no key`)
  return raw
}

const openWithoutFollowing = async (path: string): Promise<FileHandle> => {
  try {
    return await open(path, constants.O_RDONLY | constants.O_NOFOLLOW)
  } catch (cause) {
    throw refused(`${path} cannot be opened`, cause)
  }
}

const isInside = async (path: string, directory: string): Promise<boolean> => {
  const real = await realpath(path).catch((cause: unknown) => {
    throw refused(`${path} cannot be found`, cause)
  })
  const root = await realpath(directory)
  return real.startsWith(root.endsWith(sep) ? root : root + sep)
}

const refused = (detail: string, cause?: unknown): Fault =>
  fault('E_ROOT_KEY', { public: `The root key cannot be used: ${detail}`, detail, cause })
