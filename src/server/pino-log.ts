// The server's log: pino behind base/log.ts. One JSON line per event on standard error, where the supervisor reads it.
import { type DestinationStream, destination, type Logger, pino } from 'pino'
import type { Log, LogLevel } from '../base/log.ts'
import { describeError } from '../sys/index.ts'

export const createPinoLog = (options: {
  readonly level: LogLevel
  /** Default: standard error, written at once, so that the last line before a crash is there. */
  readonly stream?: DestinationStream
}): Log =>
  wrap(
    pino(
      {
        level: options.level,
        base: { program: 'server' },
        messageKey: 'message',
        timestamp: () => `,"at":"${new Date().toISOString()}"`,
        formatters: { level: (label) => ({ level: label }) },
        serializers: { error: (value: unknown) => describeError(value) },
      },
      options.stream ?? destination({ dest: 2, sync: true }),
    ),
  )

const wrap = (logger: Logger): Log => ({
  debug: (message, fields = {}) => logger.debug(fields, message),
  info: (message, fields = {}) => logger.info(fields, message),
  warn: (message, fields = {}) => logger.warn(fields, message),
  error: (message, fields = {}) => logger.error(fields, message),
  child: (fields) => wrap(logger.child(fields)),
})
