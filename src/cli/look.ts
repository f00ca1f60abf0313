// How things look in a terminal: colours only where they are wanted, tables for people, tab-separated lines for pipes.
import type { ProblemLook } from '../compile/index.ts'
import { inertPainted } from './inert.ts'
import type { Output, Surroundings } from './surroundings.ts'

export type Colour = 'green' | 'red' | 'yellow' | 'blue' | 'cyan' | 'magenta' | 'dim' | 'bold'

const codes: Readonly<Record<Colour, number>> = {
  green: 32,
  red: 31,
  yellow: 33,
  blue: 34,
  cyan: 36,
  magenta: 35,
  dim: 2,
  bold: 1,
}

export type Paint = (colour: Colour, text: string) => string

export const paintFor = (around: Surroundings, output: Output): Paint => {
  return isColoured(around, output)
    ? (colour, text) => `\u001b[${codes[colour]}m${text}\u001b[0m`
    : (_colour, text) => text
}

/** `--color` first, then the variables that many programs know, then what it is written to. */
const isColoured = (around: Surroundings, output: Output): boolean => {
  const { wishes, environment } = around
  if (wishes !== undefined && wishes.colour !== 'auto') return wishes.colour === 'always'
  const { NO_COLOR: none, CLICOLOR_FORCE: force } = environment
  if (force !== undefined && force !== '0') return true
  return output.isTerminal && (none ?? '') === ''
}

const partColours: Readonly<Record<Parameters<ProblemLook['paint']>[0], Colour>> = {
  error: 'red',
  warning: 'yellow',
  note: 'cyan',
  rule: 'dim',
  message: 'bold',
}

/** Problems on a terminal: coloured, and long lines of a file cut to what a reader has room for. */
export const problemLook = (around: Surroundings, output: Output): ProblemLook => {
  const paint = paintFor(around, output)
  return {
    columns: output.isTerminal ? output.columns : Number.POSITIVE_INFINITY,
    paint: (part, text) => paint(partColours[part], text),
  }
}

const marks: Readonly<Record<string, readonly [mark: string, colour: Colour]>> = {
  passed: ['✓', 'green'],
  unstable: ['✓', 'yellow'],
  failed: ['✗', 'red'],
  timed_out: ['✗', 'red'],
  errored: ['!', 'red'],
  cancelled: ['⊘', 'dim'],
  skipped: ['-', 'dim'],
  running: ['●', 'blue'],
  on_hold: ['‖', 'yellow'],
  ok: ['✓', 'green'],
  weak: ['!', 'yellow'],
  down: ['✗', 'red'],
}

/** Shape, word and colour: any two tell statuses apart. */
export const statusWord = (paint: Paint, status: string): string => {
  const [mark, colour] = marks[status] ?? ['○', 'dim']
  return paint(colour, `${mark} ${status}`)
}

/**
 * Columns for a terminal with a heading, tab-separated without one for a pipe. What stands in a cell stays in it: on a terminal that is
 * too narrow cells are broken at blanks, or each row becomes a few lines.
 */
export const writeTable = (
  output: Output,
  heading: readonly string[],
  rows: readonly (readonly string[])[],
): void => {
  const clean = rows.map((row) => heading.map((_, i) => inertPainted(row[i] ?? '')))
  if (!output.isTerminal) for (const row of clean) output.write(`${row.join('\t')}\n`)
  else if (rows.length === 0) output.write('there is none\n')
  else for (const line of layOut(heading, clean, output.columns)) output.write(`${line}\n`)
}

const gap = '  '

const layOut = (
  heading: readonly string[],
  rows: readonly (readonly string[])[],
  columns: number,
): readonly string[] => {
  const widths = fittingWidths([heading, ...rows], columns)
  if (widths === null) return rows.flatMap((row, i) => record(heading, row, { isFirst: i === 0, columns }))
  return [heading, ...rows].flatMap((row) => {
    const cells = row.map((cell, i) => (i === 0 ? hanging : brokenTo)(cell, widths[i] ?? 0))
    const height = Math.max(...cells.map((lines) => lines.length))
    return Array.from({ length: height }, (_, line) =>
      cells
        .map((lines, i) => padded(lines[line] ?? '', widths[i] ?? 0))
        .join(gap)
        .trimEnd(),
    )
  })
}

/** Of each column, the widest made narrower first, but no word is broken: it may have to be copied. null: there is no room for all. */
const fittingWidths = (rows: readonly (readonly string[])[], columns: number): readonly number[] | null => {
  const over = (measure: (cell: string) => number) =>
    (rows[0] ?? []).map((_, i) => Math.max(...rows.map((row) => measure(row[i] ?? ''))))
  const widths = over(visibleLength)
  const least = over(longestWord).map((width, i) => (i === 0 ? width + gap.length : width))
  let excess = widths.reduce((sum, width) => sum + width + gap.length, -gap.length) - columns
  for (; excess > 0; excess--) {
    const spare = widths.map((width, i) => (width > (least[i] ?? 0) ? width : 0))
    const widest = Math.max(...spare)
    if (widest === 0) return null
    widths[spare.indexOf(widest)] = widest - 1
  }
  return widths
}

/** What is painted is short, and stays in one piece. */
const longestWord = (cell: string): number =>
  colourSequence.test(cell) ? visibleLength(cell) : Math.max(...cell.split(' ').map(({ length }) => length))
const brokenTo = (cell: string, width: number): readonly string[] =>
  visibleLength(cell) <= width ? [cell] : wrapText(cell, width)
/** Only a row begins at the left: no second line of a name of somebody else can pass for one. */
const hanging = (cell: string, width: number): readonly string[] =>
  visibleLength(cell) <= width
    ? [cell]
    : wrapText(cell, width - gap.length).map((line, i) => (i === 0 ? line : gap + line))
const padded = (cell: string, width: number): string => cell + ' '.repeat(width - visibleLength(cell))

/** A row as lines of its own: what each cell is, and the cell; empty ones are left out. */
const record = (
  heading: readonly string[],
  row: readonly string[],
  { isFirst, columns }: { readonly isFirst: boolean; readonly columns: number },
): readonly string[] => {
  const width = Math.max(...heading.map(({ length }) => length))
  const lines = heading.flatMap((title, i) => {
    const cell = row[i] ?? ''
    if (cell === '') return []
    return brokenTo(cell, Math.max(1, columns - width - gap.length)).map(
      (line, at) => padded(at === 0 ? title : '', width) + gap + line,
    )
  })
  return isFirst ? lines : ['', ...lines]
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: colour sequences begin with one.
const colourSequence = /\u001b\[[0-9;]*m/
const visibleLength = (text: string): number => text.split(colourSequence).join('').length

/** `83000` → `1m 23s`. */
export const duration = (ms: number | null): string => {
  if (ms === null) return '-'
  if (ms < 1000) return `${Math.round(ms)} ms`
  const seconds = ms / 1000
  if (seconds < 60) return `${seconds.toFixed(1)} s`
  const whole = Math.round(seconds)
  const hours = Math.floor(whole / 3600)
  return `${hours > 0 ? `${hours}h ` : ''}${Math.floor(whole / 60) % 60}m ${whole % 60}s`
}

/** Lines of at most so many columns, broken at blanks; a longer word has a line of its own. */
export const wrapText = (text: string, columns: number): readonly string[] => {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ').filter((part) => part !== '')) {
    if (line !== '' && line.length + 1 + word.length > columns) {
      lines.push(line)
      line = word
    } else line = line === '' ? word : `${line} ${word}`
  }
  return [...lines, line]
}
