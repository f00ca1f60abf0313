// Whether the machine is quiet enough to measure (performance.md §4): less than 12 % busy for 0.8 s. Waiting has a
// budget per row; once it is spent the row is contended and is measured without waiting.
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { startClock } from './clock.ts'

export type Quiet = {
  /** Resolves true when the machine was quiet, false when the budget is spent. */
  readonly wait: () => Promise<boolean>
}

type Times = { readonly busy: number; readonly all: number }

export const busyMax = 0.12
const windowMs = 800

export const createQuiet = (
  budgetMs: number,
  deps: { readonly readTimes: () => Times; readonly sleep: (ms: number) => Promise<unknown> } = {
    readTimes: readCpuTimes,
    sleep,
  },
): Quiet => {
  let leftMs = budgetMs
  return {
    wait: async () => {
      while (leftMs > 0) {
        const waited = startClock()
        const before = deps.readTimes()
        await deps.sleep(windowMs)
        const after = deps.readTimes()
        if (after.busy - before.busy < busyMax * (after.all - before.all)) return true
        leftMs -= Math.max(windowMs, waited())
      }
      return false
    },
  }
}

const readCpuTimes = (): Times => parseCpuTimes(readFileSync('/proc/stat', 'utf8'))

/** First line of /proc/stat: user nice system idle iowait irq softirq steal, then guest times that user has in it. */
export const parseCpuTimes = (text: string): Times => {
  const numbers = text.slice(0, text.indexOf('\n')).split(/\s+/).slice(1, 9).map(Number)
  const all = numbers.reduce((sum, value) => sum + value, 0)
  const [, , , idle = 0, iowait = 0] = numbers
  return { busy: all - idle - iowait, all }
}
