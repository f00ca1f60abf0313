// The line a terminal is writing: text with SGR while it only grows, cells once the cursor moved. What it gives is
// text again, whose every SGR is absolute (`ESC[0;…m`), starting with the one that was on when the line began.
import { lineCharsMax } from './limits.ts'
import { applySgr, type Pen, penCode, plainPen } from './pen.ts'

/** `width` is the number of characters that are shown; `cut` how many more there were. */
export type SgrLine = { readonly text: string; readonly width: number; readonly cut: number }

type Cell = { readonly char: string; readonly pen: string }
const blank: Cell = { char: ' ', pen: '' }

export const createTerminalLine = () => {
  let pen: Pen = plainPen
  let out = ''
  let width = 0
  let cut = 0
  /** Set once the cursor moved: then these are the line, and `out` is stale. */
  let cells: Cell[] | null = null
  let column = 0

  const overwrite = (line: Cell[], text: string) => {
    const code = penCode(pen)
    for (const char of text) {
      if (column >= lineCharsMax) {
        cut++
        continue
      }
      while (line.length < column) line.push(blank)
      line[column++] = { char, pen: code }
    }
  }
  const asCells = (): Cell[] => {
    if (cells === null) {
      cells = toCells(out)
      column = cells.length
    }
    return cells
  }
  const present = (): SgrLine =>
    cells === null ? { text: out, width, cut } : { text: fromCells(cells), width: cells.length, cut }

  return {
    write: (text: string) => {
      if (cells !== null) return overwrite(cells, text)
      const kept = text.slice(0, lineCharsMax - width)
      out += kept
      width += kept.length
      cut += text.length - kept.length
    },
    setPen: (parameters: string) => {
      pen = applySgr(pen, parameters)
      if (cells === null && out.length < 2 * lineCharsMax) out += sgrOf(penCode(pen))
    },
    move: (target: (column: number) => number) => {
      asCells()
      column = Math.max(0, Math.min(target(column), lineCharsMax))
    },
    /** `EL`: 0 from the cursor on, 1 up to it, 2 the whole line. */
    erase: (mode: number) => {
      const line = asCells()
      if (mode === 0) line.splice(column)
      else if (mode === 2) line.length = 0
      else if (mode === 1) line.fill(blank, 0, Math.min(column + 1, line.length))
    },
    /** Ends the line; the next one starts with the pen of this one. */
    take: (): SgrLine => {
      const line = present()
      cells = null
      column = width = cut = 0
      out = pen === plainPen ? '' : sgrOf(penCode(pen))
      return line
    },
    isEmpty: () => cells === null && width === 0,
    present,
  }
}
export type TerminalLine = ReturnType<typeof createTerminalLine>

const sgrOf = (code: string): string => `\u001b[0${code === '' ? '' : `;${code}`}m`

// biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences are what is looked for.
const sgrInText = /\u001b\[0;?([0-9;]*)m/y

const toCells = (line: string): Cell[] => {
  const cells: Cell[] = []
  let pen = ''
  let at = 0
  while (at < line.length) {
    sgrInText.lastIndex = at
    const sgr = sgrInText.exec(line)
    if (sgr !== null) {
      pen = sgr[1] ?? ''
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
    if (cell.pen !== pen) text += sgrOf(cell.pen)
    pen = cell.pen
    text += cell.char
  }
  return text
}
