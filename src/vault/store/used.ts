// What can be used once: tickets (`jti`) and the ephemeral keys that answers are sealed to. An entry is on the disk
// before a release is answered, so a crash in between costs the ticket, never a second answer.
// The file needs no MAC: removing lines takes effect at a restart only, and a restart draws a new epoch.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '../../base/clock.ts'
import { fault } from '../../base/faults.ts'
import { writeFileDurably } from '../../sys/index.ts'
import { usedKeepSeconds, usedLinesMax } from '../limits.ts'
import { openAppendLog } from './append-log.ts'

export type UsedEntry = { readonly jti: string; readonly eph: string; readonly exp: number }

export interface UsedLog {
  isUsed(jti: string): boolean
  /** Burns both names, or throws E_USED at once when one is burnt. Resolves when it is durable. */
  burn(entry: UsedEntry): Promise<void>
  close(): Promise<void>
}

const lineForm = /^(\d{1,12}) (tkt_[0-9a-v]{26}) ([A-Za-z0-9_-]{43})$/

export const openUsedLog = async (options: { dataDir: string; clock: Clock }): Promise<UsedLog> => {
  const path = join(options.dataDir, 'used.log')
  const entries = new Map((await readEntries(path)).map((entry) => [entry.jti, entry]))
  const forgetExpired = () => {
    const before = options.clock.now() / 1000 - usedKeepSeconds
    for (const { jti, exp } of entries.values()) if (exp < before) entries.delete(jti)
  }
  const remaining = () => [...entries.values()].map(lineOf)
  forgetExpired()
  await writeFileDurably(
    path,
    remaining()
      .map((line) => `${line}\n`)
      .join(''),
  )
  const ephs = new Set([...entries.values()].map(({ eph }) => eph))
  const log = await openAppendLog(path)
  // Twice what is left: a burst of tickets that still live must not be rewritten at every burn.
  const nextCompaction = () => Math.max(usedLinesMax, 2 * entries.size)
  let lines = entries.size
  let compactAt = nextCompaction()
  const compact = async (): Promise<void> => {
    forgetExpired()
    ephs.clear()
    for (const { eph } of entries.values()) ephs.add(eph)
    lines = entries.size
    compactAt = nextCompaction()
    await log.replace(remaining)
  }
  const append = async (line: string): Promise<void> => {
    await log.append(line)
    if (++lines >= compactAt) await compact()
  }
  return {
    isUsed: (jti) => entries.has(jti),
    burn: (entry) => {
      if (entries.has(entry.jti) || ephs.has(entry.eph)) throw fault('E_USED')
      entries.set(entry.jti, entry)
      ephs.add(entry.eph)
      return append(lineOf(entry))
    },
    close: () => log.close(),
  }
}

const lineOf = ({ exp, jti, eph }: UsedEntry): string => `${exp} ${jti} ${eph}`

/** A last line without its end was torn by a crash before its release was answered. */
const readEntries = async (path: string): Promise<UsedEntry[]> => {
  const content = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return ''
    throw fault('E_VAULT_UNAVAILABLE', { detail: 'reading used.log', cause: error })
  })
  return content
    .split('\n')
    .slice(0, -1)
    .map((line) => {
      const [, exp, jti, eph] = lineForm.exec(line) ?? []
      if (!exp || !jti || !eph) throw fault('E_STORE_TAMPERED', { detail: 'a line of used.log is malformed' })
      return { jti, eph, exp: Number(exp) }
    })
}
