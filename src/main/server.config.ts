// The server's part of the settings, as the supervisor hands it over on descriptor 3. Checked again here: unknown keys
// and bad values stop the start, all reported together.
import { readFileSync } from 'node:fs'
import { fault } from '../base/faults.ts'
import { type ServerConfig, serverConfig } from '../server/index.ts'

export const readServerConfig = (descriptor: number): ServerConfig =>
  parseServerConfig(readFileSync(descriptor, 'utf8'))

export const parseServerConfig = (document: string): ServerConfig => {
  const parsed = serverConfig.safeParse(parseJson(document))
  if (parsed.success) return Object.freeze(parsed.data)
  const problems = parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`)
  throw fault('E_CONFIG_INVALID', { public: problems.join('; ') })
}

const parseJson = (document: string): unknown => {
  try {
    return JSON.parse(document)
  } catch {
    return null
  }
}
