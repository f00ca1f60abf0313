// How a command of this machine ends that could not do what it was asked for: in words, with the number to look up. What is
// no fault is a defect, and goes on as one.
import { isFault } from '../base/faults.ts'

/** Answers the exit code. */
export const sayFault = (error: unknown): number => {
  if (!isFault(error)) throw error
  console.error(`mayfly: ${error.public}  [${error.row.number}]`)
  console.error(`  more: mayfly explain ${error.row.number}`)
  return error.row.exit
}
