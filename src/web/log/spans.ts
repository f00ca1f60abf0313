// One reduced line as pieces to draw: text nodes with a tone of our palette, never markup. anser reads the colours;
// pairs below 4.5:1 are lifted to it against the ground the log is drawn on.
import Anser from 'anser'
import { liftContrast, parseRgb, type Rgb, xtermColour } from '../../protocol/terminal/colour.ts'

export type LogSpan = {
  readonly text: string
  /** One of the sixteen colours, by number. */
  readonly tone: number | null
  /** A colour outside the sixteen, already lifted. */
  readonly colour: string | null
  /** Drawn as ground on colour: whatever had a background, or was reversed. It keeps the measured contrast. */
  readonly inverse: boolean
  readonly classes: string
}

export const spansOf = (line: string, ground: Rgb): readonly LogSpan[] => {
  // Most lines have no colour at all.
  if (!line.includes('\u001b')) return line === '' ? [] : [plainSpan(line)]
  return Anser.ansiToJson(line, { json: true, use_classes: true, remove_empty: true }).map((entry) => {
    const background = colourOf(entry.bg, entry.bg_truecolor, ground)
    const foreground = colourOf(entry.fg, entry.fg_truecolor, ground)
    const shown = background ?? foreground
    return {
      text: entry.content,
      tone: shown?.tone ?? null,
      colour: shown?.colour ?? null,
      inverse: background !== null || entry.decorations.includes('reverse'),
      classes: entry.decorations.filter((name) => name !== 'reverse').join(' '),
    }
  })
}

export const plainSpan = (text: string): LogSpan => ({
  text,
  tone: null,
  colour: null,
  inverse: false,
  classes: '',
})

const names = ['black', 'red', 'green', 'yellow', 'blue', 'magenta', 'cyan', 'white']

type Colour = { readonly tone: number | null; readonly colour: string | null }

const colourOf = (name: string | null, truecolor: string | null, ground: Rgb): Colour | null => {
  if (name === null || name === '') return null
  const bright = name.startsWith('ansi-bright-')
  const index = names.indexOf(name.replace(/^ansi-(bright-)?/, ''))
  if (index !== -1) return { tone: bright ? index + 8 : index, colour: null }
  const palette = /^ansi-palette-(\d+)$/.exec(name)
  const rgb = palette ? xtermColour(Number(palette[1])) : parseRgb(truecolor ?? '')
  return rgb === null ? null : { tone: null, colour: `rgb(${liftContrast(rgb, ground).join(' ')})` }
}
