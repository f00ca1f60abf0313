// Finds the end of an escape sequence (ECMA-48): CSI with its parameters, strings (OSC, DCS, …) to be skipped, and
// the short ones. It only reads; sgr.ts decides what is obeyed.
import { escapeCharsMax } from './limits.ts'

/** `final` is empty for everything but a plain CSI, `command` for everything but an operating system command (OSC). */
export type Escape = {
  readonly end: number
  readonly parameters: string
  readonly final: string
  readonly command: string
}

const esc = '\u001b'
/** C1 controls that open what ESC and another character open, too. */
const c1: Readonly<Record<string, string>> = {
  '\u009b': '[',
  '\u009d': ']',
  '\u0090': 'P',
  '\u0098': 'X',
  '\u009e': '^',
  '\u009f': '_',
}

export const opensEscape = (char: string): boolean => char === esc || char in c1

/** The sequence at `start`, which ends with its line at the latest: lines keep their numbers; null when not all of it has come yet. */
export const readEscape = (input: string, start: number): Escape | null => {
  const first = input[start] ?? ''
  const isShort = first !== esc
  const kind = isShort ? c1[first] : input[start + 1]
  const body = start + (isShort ? 1 : 2)
  if (kind === undefined) return null
  if (kind === '[') return readCsi(input, { start, body })
  if (']PX^_'.includes(kind)) return readString(input, { start, body, kind })
  if (kind === '\n') return { ...nothing, end: body - 1 }
  // Two characters, or three when it names a character set.
  if (!'()*+-./#% '.includes(kind)) return { ...nothing, end: body }
  if (body >= input.length) return null
  return { ...nothing, end: input[body] === '\n' ? body : body + 1 }
}

const nothing = { parameters: '', final: '', command: '' } as const
type Where = { readonly start: number; readonly body: number }

const readCsi = (input: string, { start, body }: Where): Escape | null => {
  const match = /[^\u0020-\u003f]/.exec(input.slice(body, body + escapeCharsMax))
  if (match === null) return endless(input, start)
  const end = body + match.index
  const final = input[end] ?? ''
  const isFinal = final >= '@' && final <= '~'
  const parameters = input.slice(body, end)
  // A private (`?`) or intermediate character makes it another command: nothing of ours.
  const isOurs = isFinal && /^[0-9;:]*$/.test(parameters)
  return { ...nothing, end: isFinal ? end + 1 : end, parameters, final: isOurs ? final : '' }
}

const readString = (
  input: string,
  { start, body, kind }: Where & { readonly kind: string },
): Escape | null => {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: BEL and ST end such a string.
  const match = /\u0007|\u009c|\u001b\\|(?=\n)/.exec(input.slice(body, body + escapeCharsMax))
  if (match === null) return endless(input, start)
  const end = body + match.index
  return {
    ...nothing,
    end: end + match[0].length,
    command: kind === ']' && match[0] !== '' ? input.slice(body, end) : '',
  }
}

/** Waiting has a limit: what never ends would hide the rest of the log, so its text is shown. */
const endless = (input: string, start: number): Escape | null =>
  input.length - start > escapeCharsMax ? { ...nothing, end: start + 2 } : null
