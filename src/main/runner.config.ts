// The runner's part of the settings, as its jailer hands it over on descriptor 3. Checked here again, by hand: unknown
// members and bad values stop the start, all reported together.
import type { Parsed } from '../base/problem.ts'
import { id, integer, list, object, oneOf, optional, parseShape, type Shaped, text } from '../base/shape.ts'
import { slotsMax } from '../protocol/runner-wire-parse.ts'

const absolutePath = text({ max: 4096, form: /^\/[^\0]*$/ })
const key = text({ min: 43, max: 43, form: /^[A-Za-z0-9_-]+$/ })
const exceptions = list(text({ max: 255 }), { max: 64 })

const runnerConfig = object({
  server: object({ url: text({ max: 2048, form: /^https:\/\/[^/]+$/ }), spkiSha256: key }),
  runner: object({ id: id('runner'), name: text({ max: 64 }), keyFile: absolutePath }),
  dataDir: absolutePath,
  /** VSIGN of the vault: vouches for ingest keys and signs what is released to this runner. */
  vaultSignKey: key,
  slots: integer({ min: 1, max: slotsMax }),
  /** Exceptions to the ranges no job may reach, `CIDR:port`. */
  egress: object({ allow: exceptions }),
  /** The same for source hosts, for fetch and refs cells only; and how long one connection may serve. */
  sources: object({ allow: exceptions, keepSeconds: integer({ min: 0, max: 60 }) }),
  trust: object({ ca: absolutePath }),
  /** The weakest class a job may run in; default: any. */
  isolation: optional(oneOf('rootless', 'container')),
  /** Jailer and runner are one ordinary user, as are the other programs of this machine. */
  rootless: optional(oneOf(true)),
  /** The jailer's tool object with `node` and `compile.js`. */
  compileTool: optional(text({ max: 64 })),
})

export type RunnerConfig = Shaped<typeof runnerConfig>

export const parseRunnerConfig = (document: string): Parsed<RunnerConfig> =>
  parseShape(runnerConfig, parseJson(document), 'E_CONFIG_INVALID')

const parseJson = (document: string): unknown => {
  try {
    return JSON.parse(document)
  } catch {
    return null
  }
}
