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
  const { NO_COLOR: none, CLICOLOR_FORCE: force } = around.environment
  const wanted = force !== undefined && force !== '0' ? true : output.isTerminal && (none ?? '') === ''
  return wanted ? (colour, text) => `\u001b[${codes[colour]}m${text}\u001b[0m` : (_colour, text) => text
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

/** Columns for a terminal with a heading, tab-separated without one for a pipe. What stands in a cell stays in it. */
export const writeTable = (
  output: Output,
  heading: readonly string[],
  rows: readonly (readonly string[])[],
): void => {
  const clean = rows.map((row) => row.map(inertPainted))
  if (!output.isTerminal) {
    for (const row of clean) output.write(`${row.join('\t')}\n`)
    return
  }
  const widths = heading.map((title, i) =>
    Math.max(title.length, ...clean.map((row) => visibleLength(row[i] ?? ''))),
  )
  for (const row of [heading, ...clean])
    output.write(
      `${row
        .map((cell, i) => cell + ' '.repeat((widths[i] ?? 0) - visibleLength(cell)))
        .join('  ')
        .trimEnd()}\n`,
    )
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: colour sequences begin with one.
const colourSequence = /\u001b\[[0-9;]*m/g
const visibleLength = (text: string): number => text.replaceAll(colourSequence, '').length

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
