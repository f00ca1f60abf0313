// JSON lines on one stream, written synchronously so that the last line before a crash is there.
// Used by supervisor, vault, jailer and runner; the server has pino behind the same interface.
import { writeSync } from 'node:fs'
import type { Log, LogFields, LogLevel } from '../base/log.ts'

const rank: Record<LogLevel, number> = { debug: 10, info: 20, warn: 30, error: 40 }

/** A log that writes `{level, at, message, …fields}` lines at or above `level` to descriptor `fd`. */
export const createLog = (program: string, options: { fd?: number; level?: LogLevel } = {}): Log =>
  withFields({ program }, options.fd ?? 2, rank[options.level ?? 'info'])

const withFields = (base: LogFields, fd: number, least: number): Log => {
  const write =
    (level: LogLevel) =>
    (message: string, fields: LogFields = {}) => {
      if (rank[level] >= least)
        writeLine(fd, { ...fields, ...base, level, at: new Date().toISOString(), message })
    }
  return {
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
    child: (fields) => withFields({ ...base, ...fields }, fd, least),
  }
}

const writeLine = (fd: number, line: LogFields): void => {
  try {
    writeSync(fd, `${JSON.stringify(line, describeErrors)}\n`)
  } catch {
    // The reader of our log is gone (EPIPE) or slow (EAGAIN): a log line never stops the program.
  }
}

/** The one shape of an error in the logs of all programs. */
export const describeError = (value: unknown, depth = 0): unknown => {
  if (!(value instanceof Error)) return value
  const { name, message, stack, cause } = value
  return { name, message, stack, cause: depth < causesMax ? describeError(cause, depth + 1) : undefined }
}

/** A chain may be a circle. */
const causesMax = 8

const describeErrors = (_key: string, value: unknown): unknown => describeError(value)
