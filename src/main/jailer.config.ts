// What the jailer is told on descriptor 3: one JSON document, checked again here, closed, frozen by its type.
import type { Parsed } from '../base/problem.ts'
import { integer, list, nullable, object, optional, parseShape, type Shape, text } from '../base/shape.ts'
import type { JailerConfig } from '../sandbox/jailer/index.ts'

const path = text({ max: 4096, form: /^\/[^\0\n]*$/ })

const tools: Shape<Readonly<Record<string, string>>> = (value, at, report) => {
  if (typeof value !== 'object' || value === null) return report(at, 'must be an object')
  for (const [id, directory] of Object.entries(value))
    if (!/^[a-z0-9][a-z0-9._-]{0,63}$/.test(id) || path(directory, `${at}.${id}`, report) === undefined)
      return report(`${at}.${id}`, 'must be an id and an absolute path')
  // SAFE: every member was just checked.
  return value as Readonly<Record<string, string>>
}

const shape = object({
  installation: text({ max: 64, form: /^[a-z0-9_-]+$/ }),
  runDirectory: path,
  /** null: the parent of this process is the runner half (`mayfly run`), and its channel is ours. */
  runnerCommand: nullable(list(text({ max: 4096 }), { min: 1, max: 32 })),
  runnerUser: optional(
    object({ uid: integer({ min: 1, max: 0x7fffffff }), gid: integer({ min: 1, max: 0x7fffffff }) }),
  ),
  /** Passed on unread. */
  runnerConfig: optional((value) => value ?? null),
  repositoryRoots: list(path, { max: 100 }),
  stateDirectories: list(path, { max: 16 }),
  tools,
  slots: integer({ min: 1, max: 10_000 }),
  trustCa: nullable(path),
})

export type JailerProgramConfig = Omit<JailerConfig, 'binder'> & {
  readonly slots: number
  readonly runner: {
    readonly command: readonly string[]
    /** null: the same as ours, where that is not root. */
    readonly user: { readonly uid: number; readonly gid: number } | null
    readonly config: unknown
  } | null
}

export const parseJailerConfig = (value: unknown): Parsed<JailerProgramConfig> => {
  const parsed = parseShape(shape, value, 'E_CONFIG_INVALID')
  if (!parsed.ok) return parsed
  const { runnerCommand: command, runnerUser: user, runnerConfig: config, ...rest } = parsed.value
  if (command === null) return { ...parsed, value: { ...rest, runner: null } }
  if (user !== undefined || process.getuid?.() !== 0)
    return { ...parsed, value: { ...rest, runner: { command, user: user ?? null, config: config ?? null } } }
  const message = 'runnerUser: is missing'
  return {
    ok: false,
    problems: [{ code: 'E_CONFIG_INVALID', severity: 'error', message, at: null, frame: [], help: null }],
  }
}
