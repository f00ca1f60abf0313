// The vault's part of the settings, as the supervisor hands it over on descriptor 3. Checked again here, by hand:
// unknown members and bad values stop the start, all reported together.
import type { Parsed } from '../base/problem.ts'
import { object, parseShape, type Shaped, text } from '../base/shape.ts'

const absolutePath = text({ max: 4096, form: /^\/[^\0]*$/ })
/** sun_path has 108 bytes with its end, and Node cuts longer ones silently. */
const socketPath = text({ max: 107, form: /^\/[^\0]*$/ })

const vaultConfig = object({
  dataDir: absolutePath,
  rootKeyPath: absolutePath,
  keyringPath: absolutePath,
  serverSocket: socketPath,
  adminSocket: socketPath,
  installation: text({ max: 128, form: /^[A-Za-z0-9_-]+$/ }),
  oidcBase: text({ max: 1024, form: /^https?:\/\/[^\s?#]*[^\s?#/]$/ }),
})

export type VaultConfig = Shaped<typeof vaultConfig>

export const parseVaultConfig = (document: string): Parsed<VaultConfig> =>
  parseShape(vaultConfig, parseJson(document), 'E_CONFIG_INVALID')

const parseJson = (document: string): unknown => {
  try {
    return JSON.parse(document)
  } catch {
    return null
  }
}
