// What a database that is away or full looks like in the errors of `pg`, as faults that say so and may be tried again.
import { type Fault, fault } from '../../base/faults.ts'

/** Classes 08 (connection) and 57P (shut down, starting up), and no connection left. */
const awayStates = /^(08...|57P0[1-5]|53300)$/
const fullStates = new Set(['53100'])
const connectErrors = new Set(['ECONNREFUSED', 'ENOENT', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'EACCES'])
/** `pg` has no code for these. */
const awayTexts = [
  'Connection terminated',
  'timeout exceeded when trying to connect',
  'Client has encountered a connection error',
]

/** E_DATABASE or E_DISK_FULL; null when the error is about something else. */
export const asDatabaseFault = (error: unknown): Fault | null => {
  if (!(error instanceof Error)) return null
  const { code = '', syscall } = error as NodeJS.ErrnoException
  if (fullStates.has(code)) return fault('E_DISK_FULL', { detail: 'the database', cause: error })
  const isAway =
    awayStates.test(code) ||
    (connectErrors.has(code) && (syscall === 'connect' || syscall === 'read' || syscall === 'write')) ||
    awayTexts.some((text) => error.message.startsWith(text))
  return isAway ? fault('E_DATABASE', { cause: error }) : null
}

/**
 * Whether a transaction that ended with this error may have been committed: its connection was lost, perhaps before the answer to
 * COMMIT. What a row would need must stay then.
 */
export const mayBeCommitted = (error: unknown): boolean => asDatabaseFault(error)?.code === 'E_DATABASE'
