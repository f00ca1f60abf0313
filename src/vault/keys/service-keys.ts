// The vault's own key pairs, made at the first start: INGEST (X25519, others seal to it), VSIGN (Ed25519, signs what
// the vault answers) and LOG (Ed25519, for audit checkpoints; made now so that it is as old as the installation).
import { toBase64Url } from '../../base/bytes.ts'
import { fault } from '../../base/faults.ts'
import {
  type GeneratedKey,
  generateSealingKey,
  generateSigningKey,
  importSigningKey,
  type KeyPair,
  type OpeningKey,
} from '../../seal/index.ts'
import { createOpeningKey } from '../../sys/index.ts'
import type { Records } from '../store/records.ts'
import type { MasterKey } from './keyring.ts'

export type ServiceKeys = { readonly ingest: OpeningKey; readonly vsign: KeyPair; readonly log: KeyPair }
export const serviceKeyVersion = 1

export const openServiceKeys = async (records: Records, master: MasterKey): Promise<ServiceKeys> => ({
  ingest: await openKey('ingest', { records, master, generate: generateSealingKey, load: createOpeningKey }),
  vsign: await openKey('vsign', { records, master, generate: generateSigningKey, load: importSigningKey }),
  log: await openKey('log', { records, master, generate: generateSigningKey, load: importSigningKey }),
})

const openKey = async <K>(
  name: keyof ServiceKeys,
  options: {
    readonly records: Records
    readonly master: MasterKey
    readonly generate: () => Promise<GeneratedKey>
    readonly load: (pkcs8: Uint8Array) => K | null | Promise<K | null>
  },
): Promise<K> => {
  const { records, master } = options
  const id = `${name}-${serviceKeyVersion}`
  const context = { kind: name, v: serviceKeyVersion }
  const record = records.find('key', id)
  const pkcs8 =
    record === null ? await make(id, context, options) : await master.unwrap(record.wrapped, context)
  const key = await options.load(pkcs8)
  pkcs8.fill(0)
  if (key === null) throw fault('E_STORE_TAMPERED', { detail: `key ${id} does not import` })
  return key
}

/** Answers its private half, which the caller wipes. */
const make = async (
  id: string,
  context: { readonly kind: string; readonly v: number },
  options: {
    readonly records: Records
    readonly master: MasterKey
    readonly generate: () => Promise<GeneratedKey>
  },
): Promise<Uint8Array> => {
  const { pkcs8, publicKey } = await options.generate()
  const wrapped = await options.master.wrap(pkcs8, context)
  const values = { version: serviceKeyVersion, publicKey: toBase64Url(publicKey), wrapped }
  await options.records.change('key', id, () => values)
  return pkcs8
}
