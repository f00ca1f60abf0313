// Removing a signer from the browser: a statement that the passkey of another signer signs.
import { toBase64Url } from '../../base/bytes.ts'
import { parseId } from '../../base/ids.ts'
import type { Signer } from '../../protocol/api/secrets.ts'
import type { Api } from '../state/api.ts'
import { signByPasskey } from './passkey-signer.ts'

export const removeSigner = async (
  api: Api,
  { signer, by }: { readonly signer: Signer; readonly by: Signer },
): Promise<void> => {
  const [sub, iss] = [parseId('signer', signer.id), parseId('signer', by.id)]
  if (sub === null || iss === null) throw new TypeError('the server answered a malformed id')
  const statement = {
    ...{ v: 1 as const, type: 'signer.remove' as const, sub, iss, prev: signer.head, body: {} },
    iat: Math.floor(Date.now() / 1000),
    nonce: toBase64Url(crypto.getRandomValues(new Uint8Array(16))),
  }
  const proof = await signByPasskey(by, statement)
  await api.call('signerRemove', { path: { signer: signer.id }, body: { statement, proof } })
}
