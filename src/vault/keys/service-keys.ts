// The vault's own key pairs, made at the first start: INGEST (X25519, others seal to it), VSIGN (Ed25519, signs what
// the vault answers) and LOG (Ed25519, for audit checkpoints; made now so that it is as old as the installation).
import { toBase64Url } from '../../base/bytes.ts'
import { fault } from '../../base/faults.ts'
import {
  type GeneratedKey,
  generateSealingKey,
  generateSigningKey,
  importSealingKey,
  importSigningKey,
  type KeyPair,
} from '../../seal/index.ts'
import type { Records } from '../store/records.ts'
import type { MasterKey } from './keyring.ts'

export type ServiceKeys = { readonly ingest: KeyPair; readonly vsign: KeyPair; readonly log: KeyPair }
export const serviceKeyVersion = 1

export const openServiceKeys = async (records: Records, master: MasterKey): Promise<ServiceKeys> => ({
  ingest: await openKey('ingest', { records, master, generate: generateSealingKey, load: importSealingKey }),
  vsign: await openKey('vsign', { records, master, generate: generateSigningKey, load: importSigningKey }),
  log: await openKey('log', { records, master, generate: generateSigningKey, load: importSigningKey }),
})

const openKey = async (
  name: keyof ServiceKeys,
  options: {
    readonly records: Records
    readonly master: MasterKey
    readonly generate: () => Promise<GeneratedKey>
    readonly load: (pkcs8: Uint8Array) => Promise<KeyPair | null>
  },
): Promise<KeyPair> => {
  const { records, master } = options
  const id = `${name}-${serviceKeyVersion}`
  const context = { kind: name, v: serviceKeyVersion }
  const record = records.find('key', id)
  if (record === null) {
    const made = await options.generate()
    const wrapped = await master.wrap(made.pkcs8, context)
    made.pkcs8.fill(0)
    const publicKey = toBase64Url(made.publicKey)
    await records.change('key', id, () => ({ version: serviceKeyVersion, publicKey, wrapped }))
    return made
  }
  const pkcs8 = await master.unwrap(record.wrapped, context)
  const pair = await options.load(pkcs8)
  pkcs8.fill(0)
  if (pair === null) throw fault('E_STORE_TAMPERED', { detail: `key ${id} does not import` })
  return pair
}
