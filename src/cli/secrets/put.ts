// Sealing a value here, to the vault's pinned key, under a statement that this machine's key signs, and sending both.
import { fault, isFault } from '../../base/faults.ts'
import type { Secret } from '../../protocol/api/secrets.ts'
import type { PutStatement } from '../../protocol/statement.ts'
import { sealSecret, signStatement } from '../../seal/index.ts'
import type { Surroundings } from '../surroundings.ts'
import type { SecretsHome } from './home.ts'
import { type SignerKeyPair, statementHead } from './signer-key.ts'

/** The value is wiped. */
export const sealAndPut = async (
  around: Surroundings,
  put: {
    readonly home: SecretsHome
    readonly key: SignerKeyPair
    readonly ingest: { readonly kid: string; readonly key: Uint8Array }
    readonly name: string
    readonly before: Secret | null
    readonly body: PutStatement['body']
    readonly value: Uint8Array
  },
): Promise<Secret> => {
  const { home, key, ingest, name, before, value } = put
  const body = {
    ...put.body,
    ...(home.repository === undefined ? {} : { repository: home.repository }),
  }
  const about = { sub: home.subjectOf(name), prev: before?.detail?.head ?? null }
  const statement: PutStatement = { ...statementHead(around, key, about), type: 'secret.put', body }
  const sealed = await sealSecret(ingest, value, statement)
  value.fill(0)
  if (sealed === null) throw fault('E_PROTOCOL', { public: 'the key to seal to cannot be used' })
  return home.put({
    sealed,
    statement: { ...statement, body: sentBody(body) },
    proof: await signStatement(statement, key.privateKey),
  })
}

export const findSecret = async (home: SecretsHome, name: string): Promise<Secret | null> => {
  try {
    return await home.find(name)
  } catch (error) {
    if (isFault(error, 'E_NOT_FOUND')) return null
    throw error
  }
}

/** As the API takes it. */
const sentBody = ({ policy, hosts, keeps, ...body }: PutStatement['body']) => ({
  ...body,
  policy: { ...policy, refs: [...policy.refs], events: [...policy.events] },
  ...(hosts === undefined ? {} : { hosts: [...hosts] }),
  ...(keeps === undefined ? {} : { keeps: [...keeps] }),
})
