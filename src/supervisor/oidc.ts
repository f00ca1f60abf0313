// The operator's calls about identity tokens: asked of the vault itself, on its admin socket, so that what is exported is what
// the vault says and not what the server would have it say.
import { join } from 'node:path'
import { fault } from '../base/faults.ts'
import { parseShape } from '../base/shape.ts'
import { configurationPath, type IssuerDocuments, jwksPath } from '../protocol/identity.ts'
import { vaultVerbs } from '../protocol/vault.ts'
import { ensureDirectory, writeFileDurably } from '../sys/index.ts'
import type { Layout } from './layout.ts'
import { callVaultAdmin } from './operator.ts'

/** Answers the thumbprint of the new key. */
export const rotateIdentityKey = async (layout: Layout): Promise<string> => {
  const parsed = parseShape(vaultVerbs['oidc.rotate'].answer, await callVaultAdmin(layout, 'oidc.rotate', {}))
  if (!parsed.ok) throw unclear()
  return parsed.value.kid
}

/** Writes both documents of every issuer below `directory`, as a web server has to serve them; answers the issuers. */
export const exportIssuers = async (layout: Layout, directory: string): Promise<readonly string[]> => {
  const parsed = parseShape(
    vaultVerbs['oidc.issuers'].answer,
    await callVaultAdmin(layout, 'oidc.issuers', {}),
  )
  if (!parsed.ok) throw unclear()
  const { issuers } = parsed.value
  for (const { path, documents } of issuers) await writeIssuer(join(directory, path), documents)
  return issuers.map(({ documents }) => documents.issuer)
}

const writeIssuer = async (place: string, { configuration, jwks }: IssuerDocuments): Promise<void> => {
  await ensureDirectory(join(place, '.well-known'), 0o755)
  // The keys first: who reads the configuration finds them.
  await writeFileDurably(join(place, jwksPath), jwks, 0o644)
  await writeFileDurably(join(place, configurationPath), configuration, 0o644)
}

const unclear = () => fault('E_VAULT_UNAVAILABLE', { public: 'The vault said something else than was asked' })
