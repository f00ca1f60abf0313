// A file of lines that only grows: a line is on the disk before `append` resolves. Lines that arrive while an fsync
// is under way share the next one (group commit). After a failed write what is on the disk is unknown: before the next
// line the file is cut to what was acknowledged, and while that fails, too (a full disk), every line is refused.

import { writeSync } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { dirname } from 'node:path'
import { fault } from '../../base/faults.ts'
import { isDiskFull, syncDirectory, writeFileDurably } from '../../sys/index.ts'
import { appendQueueMax } from '../limits.ts'

export interface AppendLog {
  /** The line must not contain a line end. */
  append(line: string): Promise<void>
  /** Replaces the whole content atomically with what `lines` gives once earlier appends are done. */
  replace(lines: () => readonly string[]): Promise<void>
  close(): Promise<void>
}

type Waiting = { readonly line: string; readonly done: () => void; readonly failed: (error: unknown) => void }

/** Opens or makes the file. A last line that a crash tore is ended, so that the next one starts on its own. */
export const openAppendLog = async (path: string): Promise<AppendLog> => {
  let file = await openAtEnd(path)
  let waiting: Waiting[] = []
  let { size: acknowledged } = await file.stat()
  let isClosed = false
  let isTorn = false
  let tail: Promise<void> = Promise.resolve()

  const flush = async (): Promise<void> => {
    const batch = waiting
    waiting = []
    if (batch.length === 0) return
    try {
      if (isClosed) throw new Error('closed')
      if (isTorn) await mend()
      const bytes = Buffer.from(batch.map(({ line }) => `${line}\n`).join(''))
      isTorn = true
      // Into the kernel's memory, on the spot: a release waits for this, and another thread would take as long again.
      for (let at = 0; at < bytes.length; ) at += writeSync(file.fd, bytes, at)
      await file.datasync()
      isTorn = false
      acknowledged += bytes.length
      for (const { done } of batch) done()
    } catch (error) {
      for (const { failed } of batch) failed(unwritable(error))
    }
  }
  const mend = async (): Promise<void> => {
    await file.close().catch(() => undefined)
    file = await open(path, 'a')
    await file.truncate(acknowledged)
    await file.sync()
    isTorn = false
  }
  const exclusive = (work: () => Promise<void>): Promise<void> => {
    const result = tail.then(work)
    tail = result.catch(() => undefined)
    return result
  }
  return {
    append: (line) => {
      if (waiting.length >= appendQueueMax) return Promise.reject(fault('E_VAULT_UNAVAILABLE'))
      return new Promise((done, failed) => {
        waiting.push({ line, done, failed })
        if (waiting.length === 1) void exclusive(flush)
      })
    },
    replace: (lines) =>
      exclusive(async () => {
        const bytes = Buffer.from(
          lines()
            .map((line) => `${line}\n`)
            .join(''),
        )
        await writeFileDurably(path, bytes)
        // The new file has this much, whatever becomes of opening it: to mend the log is to cut it to that.
        acknowledged = bytes.length
        isTorn = true
        await file.close().catch(() => undefined)
        file = await open(path, 'a')
        isTorn = false
      }),
    close: () =>
      exclusive(async () => {
        isClosed = true
        await file.close().catch(() => undefined)
      }),
  }
}

const openAtEnd = async (path: string): Promise<FileHandle> => {
  const file = await open(path, 'a+', 0o600)
  const { size } = await file.stat()
  const last = Buffer.alloc(1)
  if (size > 0) await file.read(last, 0, 1, size - 1)
  if (size > 0 && last.toString() !== '\n') await file.appendFile('\n')
  await file.sync()
  await syncDirectory(dirname(path))
  return file
}

const unwritable = (cause: unknown) => {
  return fault(isDiskFull(cause) ? 'E_DISK_FULL' : 'E_VAULT_UNAVAILABLE', {
    detail: 'appending to a log',
    cause,
  })
}
