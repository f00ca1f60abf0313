// How a command of this machine ends that could not do what it was asked for: in words, with the number to look up. What is
// neither a fault nor a file that could not be had is a defect, and goes on as one.
import { getSystemErrorMessage } from 'node:util'
import { type Fault, fault, isFault } from '../base/faults.ts'
import { isDiskFull } from '../sys/index.ts'

/** Answers the exit code. */
export const sayFault = (error: unknown): number => {
  const known = isFault(error) ? error : ofFile(error)
  if (known === null) throw error
  console.error(`mayfly: ${known.public}  [${known.row.number}]`)
  console.error(`  more: mayfly explain ${known.row.number}`)
  return known.row.exit
}

/** What the system says of a file or directory: a disk that is read-only or full, a path that leads through a file. */
const ofFile = (error: unknown): Fault | null => {
  if (!(error instanceof Error && 'errno' in error && 'path' in error && 'syscall' in error)) return null
  const { errno, path, syscall } = error
  if (typeof errno !== 'number' || typeof path !== 'string') return null
  const words = `${path}: ${getSystemErrorMessage(errno)} (${syscall})`
  return fault(isDiskFull(error) ? 'E_DISK_FULL' : 'E_MACHINE_NOT_READY', { public: words, cause: error })
}
