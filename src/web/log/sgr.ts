// Terminal output of one step as lines of text that contain nothing but SGR colours (trust-model.md §9, "Logs").
// Carriage returns, backspaces and erased lines collapse to their last state; every other control sequence is dropped.
// Each SGR in a line is absolute (`ESC[0;…m`) and each line starts with its own, so any window of lines renders alone.
import { escapeCharsMax, lineCharsMax } from '../limits.ts'
import { applySgr, type Pen, penCode, plainPen } from './pen.ts'

/** `width` is the number of characters that are shown; `cut` how many more there were. */
export type SgrLine = { readonly text: string; readonly width: number; readonly cut: number }

type Cell = { readonly char: string; readonly pen: string }

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this file is about.
const control = /[\u0000-\u0008\u000a-\u001f\u007f-\u009f]/g
// biome-ignore lint/suspicious/noControlCharactersInRegex: as above.
const sgrInText = /\u001b\[([0-9;]*)m/y

export const createSgrReducer = () => {
  let pen: Pen = plainPen
  let out = ''
  let width = 0
  let cut = 0
  /** Set once the cursor moved: then the line is cells, and `out` is stale. */
  let cells: Cell[] | null = null
  let column = 0
  let pending = ''

  const write = (text: string) => {
    if (cells !== null) return overwrite(cells, text)
    const room = lineCharsMax - width
    const kept = text.length <= room ? text : text.slice(0, room)
    out += kept
    width += kept.length
    cut += text.length - kept.length
  }
  const overwrite = (line: Cell[], text: string) => {
    for (const char of text) {
      if (column < lineCharsMax) {
        for (let i = line.length; i < column; i++) line.push({ char: ' ', pen: '' })
        line[column++] = { char, pen: penCode(pen) }
      } else cut++
    }
  }
  const asCells = (): Cell[] => {
    if (cells === null) {
      cells = toCells(out)
      column = cells.length
    }
    return cells
  }
  const move = (target: (column: number) => number) => {
    asCells()
    column = Math.max(0, Math.min(target(column), lineCharsMax))
  }
  const erase = (mode: number) => {
    const line = asCells()
    if (mode === 0) line.splice(column)
    else if (mode === 2) line.length = 0
    else if (mode === 1) line.fill({ char: ' ', pen: '' }, 0, Math.min(column + 1, line.length))
  }
  const setPen = (parameters: string) => {
    pen = applySgr(pen, parameters)
    if (cells === null) out += `\u001b[0${pen === plainPen ? '' : `;${penCode(pen)}`}m`
  }
  const csi = (parameters: string, final: string) => {
    const first = Number.parseInt(parameters, 10)
    const count = Number.isNaN(first) ? 1 : Math.max(1, first)
    if (final === 'm') setPen(parameters)
    else if (final === 'K') erase(Number.isNaN(first) ? 0 : first)
    else if (final === 'G') move(() => count - 1)
    else if (final === 'C') move((at) => at + count)
    else if (final === 'D') move((at) => at - count)
  }
  const takeLine = (): SgrLine => {
    const text = cells === null ? out : fromCells(cells)
    const line = { text, width: cells?.length ?? width, cut }
    cells = null
    column = width = cut = 0
    out = pen === plainPen ? '' : `\u001b[0;${penCode(pen)}m`
    return line
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
        const hit = control.exec(input)
        const end = hit?.index ?? input.length
        if (end > at) write(input.slice(at, end))
        if (hit === null) break
        at = end + 1
        const char = hit[0]
        if (char === '\n') lines.push(takeLine())
        else if (char === '\r') {
          if (at >= input.length) pending = '\r'
          else if (input[at] !== '\n') move(() => 0)
        } else if (char === '\b') move((c) => c - 1)
        else if (char === '\u001b' || char === '\u009b' || isString(char)) {
          const sequence = readSequence(input, end)
          if (sequence === null) {
            pending = input.slice(end)
            break
          }
          if (sequence.final !== '') csi(sequence.parameters, sequence.final)
          at = sequence.end
        }
      }
      return lines
    },
    /** The line that is still being written; null when there is none. */
    tail: (): SgrLine | null => {
      if (cells === null && width === 0) return null
      return { text: cells === null ? out : fromCells(cells), width: cells?.length ?? width, cut }
    },
  }
}
export type SgrReducer = ReturnType<typeof createSgrReducer>

/** DCS, SOS, OSC, PM and APC as single C1 characters: they open a string that is not for the reader. */
const isString = (char: string): boolean => '\u0090\u0098\u009d\u009e\u009f'.includes(char)

type Sequence = { readonly end: number; readonly parameters: string; readonly final: string }

/** The sequence at `start`; `final` is empty for all but CSI. null: not all of it has come. */
const readSequence = (input: string, start: number): Sequence | null => {
  const isShort = input[start] !== '\u001b'
  const kind = isShort ? c1Kind(input[start] ?? '') : (input[start + 1] ?? '')
  const body = start + (isShort ? 1 : 2)
  if (kind === '') return null
  if (kind === '[') return readCsi(input, body, start)
  if (']PX^_'.includes(kind)) return readString(input, body, start)
  // Two characters, or three when it names a character set.
  return { end: body + ('()*+-./#% '.includes(kind) ? 1 : 0), parameters: '', final: '' }
}

const c1Kind = (char: string): string =>
  ({ '\u009b': '[', '\u009d': ']', '\u0090': 'P', '\u0098': 'X', '\u009e': '^', '\u009f': '_' })[char] ?? '\\'

const readCsi = (input: string, body: number, start: number): Sequence | null => {
  const match = /[^\u0020-\u003f]/.exec(input.slice(body, body + escapeCharsMax))
  if (match === null) return tooLong(input, start)
  const end = body + match.index
  const final = input[end] ?? ''
  const isFinal = final >= '@' && final <= '~'
  // A private (`?`) or intermediate character makes it another command: nothing of ours.
  const parameters = input.slice(body, end)
  const isOurs = isFinal && /^[0-9;:]*$/.test(parameters)
  return { end: isFinal ? end + 1 : end, parameters, final: isOurs ? final : '' }
}

const readString = (input: string, body: number, start: number): Sequence | null => {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: BEL and ST end such a string.
  const match = /\u0007|\u009c|\u001b\\/.exec(input.slice(body, body + escapeCharsMax))
  if (match === null) return tooLong(input, start)
  return { end: body + match.index + match[0].length, parameters: '', final: '' }
}

/** Waiting has a limit: what never ends would hide the rest of the log, so its text is shown. */
const tooLong = (input: string, start: number): Sequence | null =>
  input.length - start > escapeCharsMax ? { end: start + 2, parameters: '', final: '' } : null

const toCells = (line: string): Cell[] => {
  const cells: Cell[] = []
  let pen = ''
  let at = 0
  while (at < line.length) {
    sgrInText.lastIndex = at
    const sgr = sgrInText.exec(line)
    if (sgr !== null) {
      pen = (sgr[1] ?? '').replace(/^0;?/, '')
      at += sgr[0].length
      continue
    }
    const char = String.fromCodePoint(line.codePointAt(at) ?? 32)
    cells.push({ char, pen })
    at += char.length
  }
  return cells
}

const fromCells = (cells: readonly Cell[]): string => {
  let text = ''
  let pen = ''
  for (const cell of cells) {
    if (cell.pen !== pen) text += `\u001b[0${cell.pen === '' ? '' : `;${cell.pen}`}m`
    pen = cell.pen
    text += cell.char
  }
  return text
}
