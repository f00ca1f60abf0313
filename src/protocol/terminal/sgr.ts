// Terminal output of one step as lines of text that contain nothing but SGR colours (trust-model.md §9, "Logs").
// What a link of the job (OSC 8) stands on is told beside the text; it ends with its line, so that each line stands alone.
// Carriage returns, backspaces and erased lines collapse to their last state; every other control is dropped.
import { opensEscape, readEscape } from './escape.ts'
import { linkOfCommand } from './links.ts'
import { createTerminalLine, type SgrLine, type TerminalLine } from './terminal-line.ts'

export type { SgrLine } from './terminal-line.ts'

/** Everything but tabs that is no text. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this file is about.
const control = /[\u0000-\u0008\u000a-\u001f\u007f-\u009f]/g

export const createSgrReducer = () => {
  const line = createTerminalLine()
  let pending = ''

  /** Obeys the control at `at`; gives where to go on, or null when the rest must wait for more input. */
  const obey = (input: string, at: number, lines: SgrLine[]): number | null => {
    const char = input[at] ?? ''
    if (char === '\n') lines.push(line.take())
    else if (char === '\b') line.move((column) => column - 1)
    else if (char === '\r') {
      if (at + 1 >= input.length) return null
      if (input[at + 1] !== '\n') line.move(() => 0)
    } else if (opensEscape(char)) {
      const sequence = readEscape(input, at)
      if (sequence === null) return null
      obeyCsi(line, sequence)
      const link = linkOfCommand(sequence.command)
      if (link !== undefined) line.setLink(link)
      return sequence.end
    }
    return at + 1
  }

  return {
    /** Takes the next piece of output; gives the lines that ended in it. */
    push: (piece: string): SgrLine[] => {
      const input = pending + piece
      pending = ''
      const lines: SgrLine[] = []
      let at = 0
      while (at < input.length) {
        control.lastIndex = at
        const found = control.exec(input)?.index ?? input.length
        if (found > at) line.write(input.slice(at, found))
        const next = found < input.length ? obey(input, found, lines) : found
        if (next === null) pending = input.slice(found)
        at = next ?? input.length
      }
      return lines
    },
    /** The line that is still being written; null when there is none. */
    tail: (): SgrLine | null => (line.isEmpty() ? null : line.present()),
  }
}
export type SgrReducer = ReturnType<typeof createSgrReducer>

const obeyCsi = (
  line: TerminalLine,
  { parameters, final }: { readonly parameters: string; readonly final: string },
): void => {
  const first = Number.parseInt(parameters, 10)
  const count = Number.isNaN(first) ? 1 : Math.max(1, first)
  if (final === 'm') line.setPen(parameters)
  else if (final === 'K') line.erase(Number.isNaN(first) ? 0 : first)
  else if (final === 'G') line.move(() => count - 1)
  else if (final === 'C') line.move((column) => column + count)
  else if (final === 'D') line.move((column) => column - count)
}
