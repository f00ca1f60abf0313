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
  return {
    writer: (name) => {
      const prefix =
        name === null ? '' : `${paint(colours[made++ % colours.length] ?? 'cyan', inert(`[${name}]`))} `
      let rest = Buffer.alloc(0)
      const put = (bytes: Buffer) => {
        const text = clean(bytes.toString('utf8'))
        // As bytes: what is meant to reach a terminal as it is (inert.ts).
        output.write(Buffer.from(prefix === '' ? text : text.replaceAll(/^(?=.|\n)/gm, () => prefix)))
      }
      return {
        write: (bytes) => {
          const all = Buffer.concat([rest, bytes])
          const end = all.length > lineBytesMax ? all.length : all.lastIndexOf(10) + 1
          rest = all.subarray(end)
          if (end > 0) put(all.subarray(0, end))
        },
        end: () => {
          if (rest.length > 0) put(Buffer.concat([rest, Buffer.from('\n')]))
          rest = Buffer.alloc(0)
        },
      }
    },
  }
}

/** What a job paints is its own: it goes only when somebody says so, not by variables for what we paint. */
const cleaner = (around: Surroundings, output: Output): ((text: string) => string) => {
  const harmless = output.isTerminal ? harmlessOutput : (text: string) => text
  return around.wishes?.colour === 'never' ? (text) => harmless(withoutColours(text)) : harmless
}
