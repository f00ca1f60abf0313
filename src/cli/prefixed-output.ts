// Output of several jobs in one terminal: whole lines, each with its job's name in a colour of its own. On a terminal
// control sequences other than colours are made visible, because job output must not move the cursor or the title.
import { harmlessOutput, inert, withoutColours } from './inert.ts'
import { type Colour, paintFor } from './look.ts'
import type { Output, Surroundings } from './surroundings.ts'

export interface Prefixer {
  /** null: no prefix. */
  writer(name: string | null): { write(bytes: Uint8Array): void; end(): void }
}

const colours: readonly Colour[] = ['cyan', 'magenta', 'yellow', 'blue', 'green']
/** A line that grows beyond it is written in pieces. */
const lineBytesMax = 64 * 1024

export const createPrefixer = (
  around: Surroundings,
  output: Output,
  options: { readonly isRaw?: boolean } = {},
): Prefixer => {
  const paint = paintFor(around, output)
  const clean = options.isRaw === true ? (text: string) => text : cleaner(around, output)
  let made = 0
  /** Whose line is not over yet. */
  let unfinished: symbol | null = null
  return {
    writer: (name) => {
      const me = Symbol()
      const prefix =
        name === null ? '' : `${paint(colours[made++ % colours.length] ?? 'cyan', inert(`[${name}]`))} `
      let rest = Buffer.alloc(0)
      const put = (bytes: Buffer) => {
        const goesOn = unfinished === me
        const text = clean(bytes.toString('utf8'))
        const named = text.replaceAll(lineStart, (_, at: number) => (goesOn && at === 0 ? '' : prefix))
        // As bytes: what is meant to reach a terminal as it is (inert.ts).
        output.write(Buffer.from(unfinished === null || goesOn ? named : `\n${named}`))
        unfinished = bytes.at(-1) === newline ? null : me
      }
      return {
        write: (bytes) => {
          const all = Buffer.concat([rest, bytes])
          const whole = all.lastIndexOf(newline) + 1
          const end = all.length - whole > lineBytesMax ? lastCharacterEnd(all) : whole
          rest = all.subarray(end)
          if (end > 0) put(all.subarray(0, end))
        },
        end: () => {
          if (rest.length > 0 || unfinished === me) put(Buffer.concat([rest, Buffer.from('\n')]))
          rest = Buffer.alloc(0)
        },
      }
    },
  }
}

const newline = 10
/** A carriage return begins its line anew; before a line feed it is a part of the line's end. */
const lineStart = /(?<![^\n\r])(?<!\r(?=\n))(?=.)/gs

/** Where the last whole character of UTF-8 ends, if the last is not whole. */
const lastCharacterEnd = (bytes: Buffer): number => {
  const tail = bytes.subarray(-3)
  const first = tail.findLastIndex((byte) => byte >= 0xc0)
  const lead = tail[first] ?? 0
  const length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2
  return first >= 0 && tail.length - first < length ? bytes.length - tail.length + first : bytes.length
}

/** What a job paints is its own: it goes only when somebody says so, not by variables for what we paint. */
const cleaner = (around: Surroundings, output: Output): ((text: string) => string) => {
  const harmless = output.isTerminal ? harmlessOutput : (text: string) => text
  return around.wishes?.colour === 'never' ? (text) => harmless(withoutColours(text)) : harmless
}
