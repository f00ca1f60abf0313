// The number of a session: one more than ever before, durable before the first request that uses it. Whoever copies
// the key without this file, or starts from an old copy, repeats a number and is found out.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fault } from '../../base/faults.ts'
import { writeFileDurably } from '../../sys/index.ts'

export const nextSession = async (dataDir: string): Promise<number> => {
  const path = join(dataDir, 'session')
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '0'
    throw error
  })
  const last = Number(text.trim())
  if (!Number.isSafeInteger(last) || last < 0)
    throw fault('E_CONFIG_INVALID', { public: `${path} is damaged: remove the runner and enrol it again` })
  await writeFileDurably(path, `${last + 1}\n`)
  return last + 1
}
