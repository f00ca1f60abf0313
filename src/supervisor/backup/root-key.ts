// The root key as the operator's own commands read it: to seal and open backups, never to look into the vault.
import { readFile } from 'node:fs/promises'
import { fault } from '../../base/faults.ts'

const rootKeyBytes = 32

export const readRootKey = async (path: string): Promise<Uint8Array> => {
  const raw = await readFile(path).catch((cause: NodeJS.ErrnoException) => {
    const why = cause.code === 'ENOENT' ? 'is not there' : 'cannot be read'
    throw fault('E_ROOT_KEY', { public: `The root key ${path} ${why}: name it with --root-key`, cause })
  })
  if (raw.length !== rootKeyBytes)
    throw fault('E_ROOT_KEY', { public: `${path} does not hold exactly ${rootKeyBytes} bytes` })
  return raw
}
