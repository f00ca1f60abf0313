// Lets a few calls of something expensive work at once, and a bounded number wait; more are refused. First come, first
// served.
import { fault } from '../base/faults.ts'

export type Gate = <T>(work: () => Promise<T>) => Promise<T>

export const createGate = (options: { readonly atOnce: number; readonly waiting: number }): Gate => {
  let working = 0
  const queue: (() => void)[] = []
  const enter = async (): Promise<void> => {
    if (working < options.atOnce) {
      working++
      return
    }
    if (queue.length >= options.waiting) throw fault('E_RATE_LIMIT', { detail: 'too many wait already' })
    await new Promise<void>((resolve) => queue.push(resolve))
  }
  /** Hands its place to the next, who therefore does not count again. */
  const leave = (): void => {
    const next = queue.shift()
    if (next === undefined) working--
    else next()
  }
  return async (work) => {
    await enter()
    try {
      return await work()
    } finally {
      leave()
    }
  }
}
