// The lines of an append log (append-log.ts) as values of one shape, at a start. What is no such value is left out: a last line without
// its end was torn by a crash, before what it says was answered.
import { readFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { fault } from '../../base/faults.ts'
import { parseShape, type Shape } from '../../base/shape.ts'

export const readLines = async <T>(path: string, shape: Shape<T>): Promise<T[]> => {
  const content = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return ''
    throw fault('E_VAULT_UNAVAILABLE', { detail: `reading ${basename(path)}`, cause: error })
  })
  return content
    .split('\n')
    .slice(0, -1)
    .flatMap((line) => {
      const parsed = parseShape(shape, parseJson(line))
      return parsed.ok ? [parsed.value] : []
    })
}

const parseJson = (line: string): unknown => {
  try {
    return JSON.parse(line)
  } catch {
    return null
  }
}
