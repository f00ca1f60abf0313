// Where the command line keeps what is the user's own: sign-in, signing key, pinned keys. Readable by this user only.
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fault } from '../base/faults.ts'
import { parseShape, type Shape } from '../base/shape.ts'
import { ensureDirectory, writeFileDurably } from '../sys/index.ts'
import type { Surroundings } from './surroundings.ts'

export const configPath = ({ environment }: Surroundings, name: string): string =>
  join(environment.XDG_CONFIG_HOME ?? join(environment.HOME ?? '/', '.config'), 'mayfly', name)

/** null when there is none. */
export const readConfig = async <T>(
  around: Surroundings,
  name: string,
  shape: Shape<T>,
): Promise<T | null> => {
  const path = configPath(around, name)
  if (!existsSync(path)) return null
  const parsed = parseShape(shape, parseJson(await readFile(path, 'utf8')))
  if (!parsed.ok) throw fault('E_CONFIG_INVALID', { public: `${path} is damaged: remove it` })
  return parsed.value
}

/** Mode 0600; answers where it is. */
export const writeConfig = async (around: Surroundings, name: string, value: unknown): Promise<string> => {
  const path = configPath(around, name)
  await ensureDirectory(dirname(path))
  await writeFileDurably(path, `${JSON.stringify(value)}\n`)
  return path
}

const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
