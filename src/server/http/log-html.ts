// A log as one page that needs nothing and does nothing: no script, no address but places within itself, every word of the job as
// text. Its policy allows the one style sheet in it, by digest, and nothing else, wherever it is opened.
import { createHash } from 'node:crypto'
import { contrast, liftContrast, parseHex, type Rgb, xtermColour } from '../../protocol/terminal/colour.ts'
import { markedPieces } from '../../protocol/terminal/hidden-characters.ts'
import { cutWords, type LogPiece, type ShownLine, shownLines } from './log-lines.ts'

export type HtmlWords = { readonly title: string; readonly nameOf: (step: number) => string }

export const asHtml = async function* (
  pieces: AsyncIterable<LogPiece>,
  { title, nameOf }: HtmlWords,
): AsyncGenerator<string> {
  yield head(title)
  let current: number | null = null
  for await (const lines of shownLines(pieces)) {
    const [first] = lines
    if (first !== undefined && first.step !== current) {
      current = first.step
      yield `<h2>${textOf(nameOf(first.step))}</h2>\n`
    }
    yield lines.map(lineOf).join('')
  }
  yield '</main></body></html>\n'
}

const lineOf = (line: ShownLine): string => {
  const id = `s${line.step}L${line.line}`
  return `<p id="${id}"><a href="#${id}">${line.line}</a><code>${spansOf(line.text)}${textOf(cutWords(line))}</code></p>\n`
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: what the reducer wrote is taken apart again.
const sgr = /\u001b\[0;?([0-9;]*)m/

/** Text between absolute colours (terminal-line.ts), each part with the classes of its colour. */
const spansOf = (line: string): string => {
  const [first = '', ...rest] = line.split(sgr)
  let html = textOf(first)
  for (let i = 0; i < rest.length; i += 2) {
    const text = textOf(rest[i + 1] ?? '')
    const names = classesOf(rest[i] ?? '')
    if (text !== '') html += names === '' ? text : `<span class="${names}">${text}</span>`
  }
  return html
}

const flags: Readonly<Record<string, string>> = { 1: 'b', 2: 'd', 3: 'i', 4: 'u', 7: 'r', 9: 's' }

/** As the viewer draws it: whatever has a background is drawn as ground on colour. */
const classesOf = (parameters: string): string => {
  const codes = parameters.split(';')
  const names: string[] = []
  for (let i = 0; i < codes.length; i++) {
    const code = Number(codes[i])
    if (code === 38 || code === 48) {
      const isIndex = codes[i + 1] === '5'
      const rgb = codes.slice(i + 2, i + 5).map(Number)
      names.push(`c${isIndex ? Number(codes[i + 2]) : nearest(rgb)}`, ...(code === 48 ? ['r'] : []))
      i += isIndex ? 2 : 4
    } else if (code >= 30 && code <= 37) names.push(`c${code - 30}`)
    else if (code >= 90 && code <= 97) names.push(`c${code - 82}`)
    else if (code >= 40 && code <= 47) names.push(`c${code - 40}`, 'r')
    else if (code >= 100 && code <= 107) names.push(`c${code - 92}`, 'r')
    else names.push(flags[code] ?? '')
  }
  return [...new Set(names)].filter((name) => name !== '').join(' ')
}

/** Of the 6 × 6 × 6 cube. */
const nearest = ([r = 0, g = 0, b = 0]: readonly number[]): number => {
  const level = (channel: number): number =>
    channel < 75 ? Math.round(channel / 95) : Math.round((channel - 55) / 40)
  return 16 + 36 * level(r) + 6 * level(g) + level(b)
}

const textOf = (text: string): string =>
  markedPieces(text)
    .map((piece) => (piece.mark ? `<b class="x">${piece.text}</b>` : escapeHtml(piece.text)))
    .join('')

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}
const escapeHtml = (text: string): string => text.replace(/[&<>"']/g, (char) => entities[char] ?? '')

type Theme = { readonly ground: string; readonly ink: string; readonly muted: string; readonly tones: string }
/** experience.md §5.2. */
const light: Theme = {
  ...{ ground: '#ffffff', ink: '#141d22', muted: '#546065' },
  tones:
    '253035 b0200f 1f6b3a 7d5a00 0a63ad 8a2a78 0b6570 546065 5f6b71 c93a25 2a7d49 8f6a00 2273c4 a33e90 157684 141d22',
}
const dark: Theme = {
  ...{ ground: '#0c1418', ink: '#e5eaed', muted: '#939da2' },
  tones:
    '7b868c ff8a63 7fdca0 f0cf6a 7db4f0 e59ad6 7fd6df d3dade 939da2 ffa98a a3ebbc f8e092 a3cbf7 f0b8e5 a4e6ec ffffff',
}

const hex = (rgb: Rgb): string => `#${rgb.map((channel) => channel.toString(16).padStart(2, '0')).join('')}`

const coloursOf = ({ ground, ink, muted, tones }: Theme): string => {
  const on = parseHex(ground)
  const own = tones.split(' ').map((tone) => parseHex(tone))
  const all = Array.from({ length: 256 }, (_, i) => own[i] ?? xtermColour(i) ?? on)
  const rules = all.map(
    (colour, i) => `.c${i}{--c:${hex(contrast(colour, on) >= 4.5 ? colour : liftContrast(colour, on))}}`,
  )
  return `:root{--g:${ground};--i:${ink};--m:${muted}}${rules.join('')}`
}

const style = `${coloursOf(light)}@media(prefers-color-scheme:dark){${coloursOf(dark)}}
body{margin:0;background:var(--g);color:var(--i);font:13px/1.45 ui-monospace,monospace}
h1,h2{margin:0;padding:8px 16px;font:600 14px/1.5 system-ui,sans-serif}h2{position:sticky;top:0;background:var(--g)}
p{display:flex;margin:0;padding:0 16px}p:target{outline:1px solid currentColor}
a{flex:none;min-width:6ch;margin-right:2ch;color:var(--m);text-align:right;text-decoration:none;user-select:none}
code{font:inherit;white-space:pre-wrap;overflow-wrap:anywhere}
span{color:var(--c,inherit)}.r{background:var(--c,var(--i));color:var(--g)}
.b{font-weight:600}.d{opacity:.8}.i{font-style:italic}.u{text-decoration:underline}.s{text-decoration:line-through}.u.s{text-decoration:underline line-through}
.x{border:1px solid;border-radius:2px;padding:0 3px;font-size:10px}`

const digest = createHash('sha256').update(style).digest('base64')

const head = (title: string): string => `<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'sha256-${digest}'; base-uri 'none'; form-action 'none'">
<meta name="referrer" content="no-referrer"><meta name="viewport" content="width=device-width">
<title>${textOf(title).replaceAll(/<[^>]*>/g, '')}</title><style>${style}</style></head>
<body><main><h1>${textOf(title)}</h1>
`
