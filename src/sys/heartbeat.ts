// A program's sign to whoever keeps it that it does not stand still: a line on standard output, from the event loop that
// does the work. The supervisor ends a program that gives none for long (supervisor/children.ts).
import { writeSync } from 'node:fs'

/** The supervisor looks every twenty seconds, three times. */
const beatMs = 5_000

/** Returns how to stop. Keeps no program running. */
export const startHeartbeat = (): (() => void) => {
  const timer = setInterval(() => {
    try {
      writeSync(1, '{"beat":true}\n')
    } catch {
      // Nobody reads at the moment; who does not for long ends us.
    }
  }, beatMs).unref()
  return () => clearInterval(timer)
}
