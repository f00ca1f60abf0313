// The values of secrets at rest: `values/<secret>.<version>`, each an `mv1` text under its project's key. Read when they
// are released and never kept in memory. Their tag, bound to what they are, stands for a MAC.
import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fault } from '../../base/faults.ts'
import type { SecretId } from '../../base/ids.ts'
import { ensureDirectory, syncDirectory, writeFileDurably } from '../../sys/index.ts'

export interface Values {
  write(secret: SecretId, version: number, text: string): Promise<void>
  read(secret: SecretId, version: number): Promise<string>
  /** What is not there is gone already. */
  remove(secret: SecretId, versions: readonly number[]): Promise<void>
}

export const openValues = async (dataDir: string): Promise<Values> => {
  const directory = join(dataDir, 'values')
  await ensureDirectory(directory)
  const pathOf = (secret: SecretId, version: number) => join(directory, `${secret}.${version}`)
  return {
    write: (secret, version, text) => writeFileDurably(pathOf(secret, version), text),
    read: (secret, version) =>
      readFile(pathOf(secret, version), 'utf8').catch((cause: unknown) => {
        throw fault('E_STORE_TAMPERED', { detail: `value ${version} of ${secret} cannot be read`, cause })
      }),
    remove: async (secret, versions) => {
      if (versions.length === 0) return
      for (const version of versions) await rm(pathOf(secret, version), { force: true })
      await syncDirectory(directory)
    },
  }
}
