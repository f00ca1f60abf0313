// The passkeys that may sign here, and the vault they sign for: for those who may ask.
import type { Signer } from '../../protocol/api/secrets.ts'
import type { Api } from '../state/api.ts'
import { canSign, fingerprintOf } from './passkey-signer.ts'

export type Signing = { readonly signers: readonly Signer[]; readonly vault: string | null }

export const loadSigning = async (api: Api, maySign: boolean, signal: AbortSignal): Promise<Signing> => {
  if (!maySign) return { signers: [], vault: null }
  const [signers, key] = await Promise.all([
    api.callAll('signers', { signal }),
    api.call('vaultKey', { signal }),
  ])
  return {
    signers: signers.filter(({ kind, state }) => canSign() && kind === 'webauthn' && state === 'active'),
    vault: fingerprintOf(key.vsign),
  }
}
