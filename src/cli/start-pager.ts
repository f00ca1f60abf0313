// The process of a pager: it has the terminal, and gets what it shows through a pipe.
import { spawn } from '../sys/index.ts'
import type { Pager } from './surroundings.ts'

/** null when there is no such program. Never rejects: how a pager ends is not our business. */
export const startPager = (
  [file = '', ...args]: readonly string[],
  options: { readonly env: Readonly<Record<string, string>>; readonly cwd: string },
): Pager | null => {
  // SAFE: the person's own PAGER, as a program with arguments and with the environment it is given alone.
  const child = spawn(file, args, { ...options, stdio: ['pipe', 'inherit', 'inherit'] })
  const { stdin } = child
  child.on('error', () => undefined)
  if (child.pid === undefined || stdin === null) return null
  // Whoever has read enough ends the pager before the text ends.
  stdin.on('error', () => undefined)
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  return {
    write: (text) => void stdin.write(text),
    ended,
    end: () => {
      stdin.end()
      return ended
    },
  }
}
