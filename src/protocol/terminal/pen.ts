// What SGR parameters mean, as a small value: foreground, background and the decorations we show. Blinking, hidden
// text and fonts are not among them: hidden text would let a log say two things.

export type Pen = {
  readonly foreground: string
  readonly background: string
  readonly flags: readonly number[]
}

export const plainPen: Pen = { foreground: '', background: '', flags: [] }

const shownFlags = new Set([1, 2, 3, 4, 7, 9])
const switchedOffBy: Readonly<Record<number, readonly number[]>> = {
  22: [1, 2],
  23: [3],
  24: [4],
  27: [7],
  29: [9],
}

/** The SGR parameters that set this pen on a plain one; empty for the plain one. */
export const penCode = (pen: Pen): string =>
  [...pen.flags.map(String), pen.foreground, pen.background].filter((part) => part !== '').join(';')

export const applySgr = (start: Pen, parameters: string): Pen => {
  let pen = start
  const codes = parameters.split(';')
  for (let i = 0; i < codes.length; i++) {
    const code = codes[i] ?? ''
    if (code.includes(':')) pen = withColonColour(pen, code)
    else if (code === '38' || code === '48') {
      const colour = semicolonColour(codes.slice(i + 1, i + 5))
      if (colour.text !== '') pen = withColour(pen, code, colour.text)
      i += colour.used
    } else pen = applyCode(pen, code === '' ? 0 : Number(code))
  }
  return penCode(pen) === '' ? plainPen : pen
}

const applyCode = (pen: Pen, code: number): Pen => {
  if (code === 0) return plainPen
  if (shownFlags.has(code)) return { ...pen, flags: [...new Set([...pen.flags, code])].sort((a, b) => a - b) }
  const off = switchedOffBy[code]
  if (off !== undefined) return { ...pen, flags: pen.flags.filter((flag) => !off.includes(flag)) }
  if (code === 39) return { ...pen, foreground: '' }
  if (code === 49) return { ...pen, background: '' }
  if (isIn(code, 30, 37) || isIn(code, 90, 97)) return { ...pen, foreground: String(code) }
  if (isIn(code, 40, 47) || isIn(code, 100, 107)) return { ...pen, background: String(code) }
  return pen
}

const withColour = (pen: Pen, code: string, colour: string): Pen =>
  code === '38' ? { ...pen, foreground: `38;${colour}` } : { ...pen, background: `48;${colour}` }

/** `5;n` or `2;r;g;b` after 38 or 48; `used` says how many parameters it took, also when they make no colour. */
const semicolonColour = (codes: readonly string[]): { readonly text: string; readonly used: number } => {
  if (codes[0] === '5') return { text: isByte(codes[1]) ? `5;${codes[1]}` : '', used: 2 }
  if (codes[0] === '2')
    return { text: codes.slice(1, 4).every(isByte) && codes.length === 4 ? codes.join(';') : '', used: 4 }
  return { text: '', used: 0 }
}

/** ITU T.416 writes the same with colons and a colour space in between: `38:2::r:g:b`. */
const withColonColour = (pen: Pen, code: string): Pen => {
  const [target, kind, ...rest] = code.split(':')
  if (target !== '38' && target !== '48')
    return target === '4' ? applyCode(pen, rest.length ? 4 : Number(kind) ? 4 : 24) : pen
  const numbers = kind === '2' ? rest.slice(-3) : rest.slice(0, 1)
  const isWhole = numbers.length === (kind === '2' ? 3 : 1) && numbers.every(isByte)
  return isWhole && (kind === '2' || kind === '5')
    ? withColour(pen, target, [kind, ...numbers].join(';'))
    : pen
}

const isByte = (text: string | undefined): boolean =>
  text !== undefined && /^\d{1,3}$/.test(text) && Number(text) <= 255
const isIn = (n: number, low: number, high: number): boolean => n >= low && n <= high
