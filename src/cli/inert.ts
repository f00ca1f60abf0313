// Words of others on a terminal: names of jobs, messages of commits, answers of a server, lines of a configuration. They are shown,
// never obeyed: every verb puts them into what it says with `inertText`, `inert` or `writeTable`, and what was forgotten stops at `guarded`.
import type { Output } from './surroundings.ts'

/** Text of somebody else on one line: what could steer a terminal or turn the line around stands as a sign. */
export const inert = (text: string): string =>
  text.replaceAll(/[\p{C}\u2028\u2029]/gu, (char) => (char === '\n' || char === '\t' ? ' ' : '\ufffd'))

// biome-ignore lint/suspicious/noControlCharactersInRegex: colour sequences begin with one.
const ownColour = /(\u001b\[(?:[012]|3[1-6])m)/

/** The same of text that may be painted: the sequences that `paintFor` writes (look.ts) stay, no other does. */
export const inertPainted = (text: string): string =>
  text
    .split(ownColour)
    .map((part, i) => (i % 2 === 1 ? part : inert(part)))
    .join('')

/** What a verb says: the words between are ours and stay as they are, each value is on one line and steers nothing. */
export const inertText = (words: TemplateStringsArray, ...values: readonly (string | number)[]): string =>
  words.map((word, i) => (i === 0 ? word : inertPainted(String(values[i - 1])) + word)).join('')

const steering = /[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu

/** Of several lines, as a configuration or a stack has them. */
const inertLines = (text: string): string =>
  text
    .replaceAll('\r\n', '\n')
    .split(ownColour)
    .map((part, i) => (i % 2 === 1 ? part : without(part, '\n\t')))
    .join('')

const without = (text: string, kept: string): string =>
  text.replaceAll(steering, (char) => (kept.includes(char) ? char : '\ufffd'))

// biome-ignore lint/suspicious/noControlCharactersInRegex: colour sequences begin with one.
const jobColour = /(\u001b\[[0-9;]*m)/

/** What a job wrote: all its colours and line ends pass, what moves the cursor or turns the line around does not. */
export const harmlessOutput = (text: string): string =>
  text
    .split(jobColour)
    .map((part, i) => (i % 2 === 1 ? part : without(part, '\n\r\t')))
    .join('')

/** The same of jobs for who wants no colours. */
export const withoutColours = (text: string): string => text.replaceAll(new RegExp(jobColour, 'g'), '')

/** The last door before a terminal. Bytes pass: only output of jobs comes as bytes, and prefixed-output.ts judged it. */
export const guarded = (output: Output): Output => through(output, inertLines)

/** The same for JSON, whose strings can say each of these characters by its number: it means what it meant. */
export const guardedJson = (output: Output): Output =>
  through(output, (text) =>
    text.replaceAll(steering, (char) =>
      char === '\n' ? char : `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
    ),
  )

const through = (output: Output, change: (text: string) => string): Output =>
  output.isTerminal
    ? {
        isTerminal: true,
        // As it is now: a window changes its size.
        get columns() {
          return output.columns
        },
        get rows() {
          return output.rows
        },
        write: (text) => output.write(typeof text === 'string' ? change(text) : text),
      }
    : output
