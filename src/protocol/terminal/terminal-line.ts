// The line a terminal is writing: text with SGR while it only grows, cells once the cursor moved. What it gives is
// text again, whose every SGR is absolute (`ESC[0;…m`), starting with the one that was on when the line began.
import { lineCharsMax } from './limits.ts'
import { type LineLink, linksPerLineMax } from './links.ts'
import { applySgr, type Pen, penCode, plainPen } from './pen.ts'

/** `width` is the number of characters that are shown; `cut` how many more there were. */
export type SgrLine = {
  readonly text: string
  readonly width: number
  readonly cut: number
  /** Of the job, in order; left out when there are none. */
  readonly links?: readonly LineLink[]
}

type Cell = { readonly char: string; readonly pen: string; readonly link: string | null }
const blank: Cell = { char: ' ', pen: '', link: null }

export const createTerminalLine = () => {
  let pen: Pen = plainPen
  let out = ''
  let width = 0
  let cut = 0
  /** Set once the cursor moved: then these are the line, and `out` is stale. */
  let cells: Cell[] | null = null
  let column = 0
  let link: string | null = null
  /** Of `out`. */
  let links: LineLink[] = []

  const overwrite = (line: Cell[], text: string) => {
    const code = penCode(pen)
    for (const char of text) {
      if (column >= lineCharsMax) {
        cut++
        continue
      }
      while (line.length < column) line.push(blank)
      line[column++] = { char, pen: code, link }
    }
  }
  const asCells = (): Cell[] => {
    if (cells === null) {
      cells = toCells(out, links)
      column = cells.length
    }
    return cells
  }
  const present = (): SgrLine =>
    cells === null
      ? { text: out, width, cut, ...linksField(links) }
      : { ...fromCells(cells), width: cells.length, cut }

  return {
    write: (text: string) => {
      if (cells !== null) return overwrite(cells, text)
      const kept = text.slice(0, lineCharsMax - width)
      out += kept
      if (link !== null) extend(links, { from: width, to: width + kept.length, href: link })
      width += kept.length
      cut += text.length - kept.length
    },
    setPen: (parameters: string) => {
      pen = applySgr(pen, parameters)
      if (cells === null && out.length < 2 * lineCharsMax) out += sgrOf(penCode(pen))
    },
    /** null: none from here on. */
    setLink: (href: string | null) => {
      link = href
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
      link = null
      links = []
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

const toCells = (line: string, links: readonly LineLink[]): Cell[] => {
  const cells: Cell[] = []
  let pen = ''
  let at = 0
  let shown = 0
  let next = 0
  while (at < line.length) {
    sgrInText.lastIndex = at
    const sgr = sgrInText.exec(line)
    if (sgr !== null) {
      pen = sgr[1] ?? ''
      at += sgr[0].length
      continue
    }
    const char = String.fromCodePoint(line.codePointAt(at) ?? 32)
    while ((links[next]?.to ?? Number.POSITIVE_INFINITY) <= shown) next++
    const link = links[next]
    cells.push({ char, pen, link: link !== undefined && link.from <= shown ? link.href : null })
    at += char.length
    shown += char.length
  }
  return cells
}

const fromCells = (cells: readonly Cell[]): Pick<SgrLine, 'text' | 'links'> => {
  const links: LineLink[] = []
  let text = ''
  let pen = ''
  let shown = 0
  for (const cell of cells) {
    if (cell.pen !== pen) text += sgrOf(cell.pen)
    pen = cell.pen
    text += cell.char
    const from = shown
    shown += cell.char.length
    if (cell.link !== null) extend(links, { from, to: shown, href: cell.link })
  }
  return { text, ...linksField(links) }
}

const linksField = (links: readonly LineLink[]): Pick<SgrLine, 'links'> =>
  links.length === 0 ? {} : { links }

/** What goes on where the last one ended is the same link. */
const extend = (links: LineLink[], more: LineLink): void => {
  const last = links.at(-1)
  if (more.from === more.to) return
  if (last !== undefined && last.to === more.from && last.href === more.href)
    links[links.length - 1] = { ...last, to: more.to }
  else if (links.length < linksPerLineMax) links.push(more)
}
