// The vault's own key, pinned per installation: at the enrolment of a signer, where the code proves it, else at first use.
// Another key afterwards stops the command: a server that put its own in between would read what is sealed to it.
import { createHash } from 'node:crypto'
import { fromBase64Url } from '../../base/bytes.ts'
import { fault } from '../../base/faults.ts'
import { list, object, text } from '../../base/shape.ts'
import type { VaultKey } from '../../protocol/api/secrets.ts'
import { importVerifyKey, verifyIngestKey } from '../../seal/index.ts'
import { findTarget } from '../api/target.ts'
import { configPath, readConfig, writeConfig } from '../config-directory.ts'
import { inertText } from '../inert.ts'
import type { Surroundings } from '../surroundings.ts'

const fileName = 'vault-keys.json'
const file = list(object({ installation: text({ max: 4096 }), vsign: text({ max: 43 }) }), { max: 1000 })

/** As `mayfly secrets signer show` and the web print it. */
export const vaultFingerprint = (vsign: string): string =>
  `SHA256:${createHash('sha256').update(vsign, 'base64url').digest('base64url')}`

/** Throws E_VAULT_KEY_CHANGED when another key was pinned. */
export const pinVaultKey = async (around: Surroundings, vsign: string): Promise<void> => {
  const target = await findTarget(around)
  const installation = target.kind === 'token' ? target.url : target.socket
  const pins = (await readConfig(around, fileName, file)) ?? []
  const pinned = pins.find((pin) => pin.installation === installation)
  if (pinned?.vsign === vsign) return
  if (pinned !== undefined)
    throw fault('E_VAULT_KEY_CHANGED', {
      public: `the vault of ${installation} shows the key ${vaultFingerprint(vsign)}, not ${vaultFingerprint(pinned.vsign)}; if the operator confirms it, remove ${configPath(around, fileName)}`,
    })
  await writeConfig(around, fileName, [...pins, { installation, vsign }])
  around.stderr.write(inertText`pinned the vault's key ${vaultFingerprint(vsign)}\n`)
}

/** Whom to seal to, once the pinned key vouches for it. */
export const ingestKeyOf = async (
  around: Surroundings,
  key: VaultKey,
): Promise<{ readonly kid: string; readonly key: Uint8Array }> => {
  await pinVaultKey(around, key.vsign)
  const vsign = await importVerifyKey(fromBase64Url(key.vsign) ?? new Uint8Array(0))
  const nowSeconds = Math.floor(around.clock.now() / 1000)
  const ingest = vsign === null ? null : await verifyIngestKey(key, { vsign, nowSeconds })
  if (ingest === null) throw fault('E_PROTOCOL', { public: 'the key to seal to is not signed by the vault' })
  return { kid: key.kid, key: ingest }
}
