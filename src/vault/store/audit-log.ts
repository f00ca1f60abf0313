// audit.log: a line for all that the vault gave or changed. With the first line of a new month what is there is put aside under the month
// that it began in, and of those the oldest goes: one for one, so that a clock that leaps takes no more than that, there and back.
import { open, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '../../base/clock.ts'
import { syncDirectory } from '../../sys/index.ts'
import { auditLogsKept } from '../limits.ts'
import { type AppendLog, openAppendLog } from './append-log.ts'

export type AuditLog = Pick<AppendLog, 'append' | 'close'>

const longestMonthMs = 31 * 86_400_000
const asideForm = /^audit-\d{4}-\d\d(?:-\d+)?\.log$/

export const openAuditLog = async (options: {
  readonly dataDir: string
  readonly clock: Pick<Clock, 'now'>
}): Promise<AuditLog> => {
  const { dataDir, clock } = options
  const path = join(dataDir, 'audit.log')
  const monthIn = (ms: number) => new Date(clock.now() + ms).toISOString().slice(0, 7)
  const thisMonth = () => monthIn(0)
  /** Or one that a clock said which has come back since; not of one that is set right by a little. */
  const isOver = () => thisMonth() > month || month > monthIn(longestMonthMs)
  let month = (await firstMonth(path)) ?? thisMonth()
  let log = await openAppendLog(path)
  let turning: Promise<void> | null = null
  const turn = async (now: string): Promise<void> => {
    await log.close()
    // What cannot be put aside goes on for another month.
    await putAside(dataDir, month).catch(() => undefined)
    log = await openAppendLog(path)
    month = now
  }
  return {
    append: (line) => {
      if (turning === null && isOver())
        turning = turn(thisMonth()).finally(() => {
          turning = null
        })
      // On the spot: a line that waited would come after the end of the log that it was for.
      return turning === null ? log.append(line) : turning.then(() => log.append(line))
    },
    close: async () => {
      await turning?.catch(() => undefined)
      await log.close()
    },
  }
}

/** null: there is no line yet. */
const firstMonth = async (path: string): Promise<string | null> => {
  const file = await open(path, 'r').catch(() => null)
  if (file === null) return null
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(32), 0, 32, 0)
    return /^\{"at":"(\d{4}-\d\d)-/.exec(buffer.toString('latin1', 0, bytesRead))?.[1] ?? null
  } finally {
    await file.close()
  }
}

const putAside = async (dataDir: string, month: string): Promise<void> => {
  const names = (await readdir(dataDir)).filter((name) => asideForm.test(name))
  let name = `audit-${month}.log`
  for (let more = 2; names.includes(name); more++) name = `audit-${month}-${more}.log`
  await rename(join(dataDir, 'audit.log'), join(dataDir, name))
  for (const old of [...names, name].sort().slice(0, -auditLogsKept)) await rm(join(dataDir, old))
  await syncDirectory(dataDir)
}
