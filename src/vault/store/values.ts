// The values of secrets at rest: `values/<secret>.<version>`, each an `mv1` text under its project's key. Read when they
// are released and never kept in memory. Their tag, bound to what they are, stands for a MAC.
import { readFileSync } from 'node:fs'
import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fault } from '../../base/faults.ts'
import type { SecretId } from '../../base/ids.ts'
import { ensureDirectory, syncDirectory, writeFileDurably } from '../../sys/index.ts'

export interface Values {
  write(secret: SecretId, version: number, text: string): Promise<void>
  /** On the spot: a few hundred bytes, and the other threads are where releases wait for the disk. */
  read(secret: SecretId, version: number): string
  /** What is not there is gone already. */
  remove(secret: SecretId, versions: readonly number[]): Promise<void>
}

/** What a crash left behind goes: values between their revocation and their removal, and what was half written. */
export const openValues = async (
  dataDir: string,
  isRevoked: (secret: string) => boolean,
): Promise<Values> => {
  const directory = join(dataDir, 'values')
  await ensureDirectory(directory)
  const isLeft = (name: string) => name.endsWith('.tmp') || isRevoked(name.slice(0, name.indexOf('.')))
  const left = (await readdir(directory)).filter(isLeft)
  for (const name of left) await rm(join(directory, name), { force: true })
  if (left.length > 0) await syncDirectory(directory)
  const pathOf = (secret: SecretId, version: number) => join(directory, `${secret}.${version}`)
  return {
    write: (secret, version, text) => writeFileDurably(pathOf(secret, version), text),
    read: (secret, version) => {
      try {
        return readFileSync(pathOf(secret, version), 'utf8')
      } catch (cause) {
        throw fault('E_STORE_TAMPERED', { detail: `value ${version} of ${secret} cannot be read`, cause })
      }
    },
    remove: async (secret, versions) => {
      if (versions.length === 0) return
      for (const version of versions) await rm(pathOf(secret, version), { force: true })
      await syncDirectory(directory)
    },
  }
}
