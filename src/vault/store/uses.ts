// When each secret was last released, and how often: a line per release, folded at every start into one line per secret.
// Like used.log it needs no MAC: it decides nothing, and audit.log says the same.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fault } from '../../base/faults.ts'
import type { SecretId } from '../../base/ids.ts'
import { id, integer, list, object, parseShape, type Shaped } from '../../base/shape.ts'
import { writeFileDurably } from '../../sys/index.ts'
import { usesLinesMax } from '../limits.ts'
import { openAppendLog } from './append-log.ts'

const count = integer({ min: 1, max: Number.MAX_SAFE_INTEGER })
const useLine = object({
  at: integer({ min: 0, max: 253_402_300_799 }),
  run: id('run'),
  job: id('job'),
  attempt: id('attempt'),
  secrets: list(id('secret'), { max: 10_000 }),
  count,
})
type Line = Shaped<typeof useLine>
export type Use = Omit<Line, 'secrets' | 'count'>

export interface Uses {
  last(secret: SecretId): { readonly last: Use; readonly count: number } | null
  /** Durable when it resolves. */
  add(use: Use, secrets: readonly SecretId[]): Promise<void>
  forget(secret: SecretId): void
  close(): Promise<void>
}

export const openUses = async (dataDir: string): Promise<Uses> => {
  const path = join(dataDir, 'uses.log')
  const known = new Map<SecretId, { last: Use; count: number }>()
  const take = ({ secrets, count, ...last }: Line) => {
    for (const secret of secrets) known.set(secret, { last, count: (known.get(secret)?.count ?? 0) + count })
  }
  for (const line of await readLines(path)) take(line)
  const folded = () =>
    [...known].map(([secret, { last, count }]) => JSON.stringify({ ...last, secrets: [secret], count }))
  await writeFileDurably(
    path,
    folded()
      .map((line) => `${line}\n`)
      .join(''),
  )
  const log = await openAppendLog(path)
  let lines = known.size
  return {
    last: (secret) => known.get(secret) ?? null,
    add: async (use, secrets) => {
      const line: Line = { ...use, secrets, count: 1 }
      take(line)
      await log.append(JSON.stringify(line))
      if (++lines < Math.max(usesLinesMax, 2 * known.size)) return
      lines = known.size
      await log.replace(folded)
    },
    forget: (secret) => void known.delete(secret),
    close: () => log.close(),
  }
}

/** A last line without its end was torn by a crash. */
const readLines = async (path: string): Promise<Line[]> => {
  const content = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return ''
    throw fault('E_VAULT_UNAVAILABLE', { detail: 'reading uses.log', cause: error })
  })
  return content
    .split('\n')
    .slice(0, -1)
    .flatMap((line) => {
      const parsed = parseShape(useLine, parseJson(line))
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
