// The signing key of this user on this machine: made at the first enrolment, kept in the user's own directory with mode
// 0600, never sent. It stands for the user's word in the vault; whoever has the file can sign.
import { fromBase64Url, toBase64Url } from '../../base/bytes.ts'
import { fault } from '../../base/faults.ts'
import type { SignerId } from '../../base/ids.ts'
import { object, oneOf, text } from '../../base/shape.ts'
import type { Statement } from '../../protocol/statement.ts'
import { generateSigningKey, importSigningKey, type KeyPair, signerId } from '../../seal/index.ts'
import { configPath, readConfig, writeConfig } from '../config-directory.ts'
import type { Surroundings } from '../surroundings.ts'

export type SignerKeyPair = KeyPair & { readonly id: SignerId; readonly path: string }

const fileName = 'signer.json'
const file = object({ v: oneOf(1), pkcs8: text({ max: 200, form: /^[A-Za-z0-9_-]+$/ }) })

export const findSignerKey = async (around: Surroundings): Promise<SignerKeyPair | null> => {
  const stored = await readConfig(around, fileName, file)
  if (stored === null) return null
  const path = configPath(around, fileName)
  const pkcs8 = fromBase64Url(stored.pkcs8)
  const pair = pkcs8 === null ? null : await importSigningKey(pkcs8)
  pkcs8?.fill(0)
  if (pair === null)
    throw fault('E_CONFIG_INVALID', { public: `${path} is damaged: remove it and enrol anew` })
  return { ...pair, id: await signerId(pair.publicKey), path }
}

export const requireSignerKey = async (around: Surroundings): Promise<SignerKeyPair> => {
  const found = await findSignerKey(around)
  if (found === null)
    throw fault('E_STMT_SIG', { public: 'there is no signing key of yours on this machine' })
  return found
}

/** The one that is there, else a new one. */
export const ensureSignerKey = async (around: Surroundings): Promise<SignerKeyPair> => {
  const found = await findSignerKey(around)
  if (found !== null) return found
  const made = await generateSigningKey()
  const path = await writeConfig(around, fileName, { v: 1, pkcs8: toBase64Url(made.pkcs8) })
  made.pkcs8.fill(0)
  return { ...made, id: await signerId(made.publicKey), path }
}

/** The head of a statement of this signer, made now. */
export const statementHead = (
  { clock, randomBytes }: Surroundings,
  { id }: SignerKeyPair,
  about: { readonly sub: string; readonly prev: string | null },
): Pick<Statement, 'v' | 'sub' | 'iss' | 'iat' | 'nonce' | 'prev'> => ({
  ...{ v: 1, sub: about.sub, iss: id, prev: about.prev },
  iat: Math.floor(clock.now() / 1000),
  nonce: toBase64Url(randomBytes(16)),
})
