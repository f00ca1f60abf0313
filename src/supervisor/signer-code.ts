// Codes that enrol signers in the vault: made on its admin socket, which only root may open. While nobody is enrolled,
// `mayfly up` makes one by itself, as it does with the claim link.
import type { Layout } from './layout.ts'
import { callVaultAdmin } from './operator.ts'

export const makeSignerCode = async (layout: Layout): Promise<string> => {
  // SAFE: the vault's own answer to this verb (protocol/vault.ts).
  const { code } = (await callVaultAdmin(layout, 'signer.code', {})) as { code: string }
  return code
}

/** Whose key a signer is: two keys of one person are one person where two are demanded. */
export const nameSigner = async (
  layout: Layout,
  of: { readonly signer: string; readonly person: string },
): Promise<void> => {
  await callVaultAdmin(layout, 'signer.person', of)
}

/** The vault believes it no more: whoever vouched for a key with a code may take that back, also when nobody is left to sign for it. */
export const loseSigner = async (layout: Layout, signer: string): Promise<void> => {
  await callVaultAdmin(layout, 'signer.lost', { signer })
}

/** null while there is a signer. */
export const firstSignerCode = async (layout: Layout): Promise<string | null> => {
  // SAFE: as above.
  const { signers } = (await callVaultAdmin(layout, 'signer.list', {})) as {
    signers: readonly { readonly state: string }[]
  }
  return signers.every(({ state }) => state === 'removed') ? makeSignerCode(layout) : null
}
