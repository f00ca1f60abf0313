// How a secret may look when somebody prints it (trust-model.md §4.7): as it is, line by line, and in the encodings that
// tools put it in, wherever in a larger text it stands. What is found piece by piece is never longer than `pieceBytesMax`,
// so that a stream waits for no more than that.
import { formBytesMin, lineBytesMin, nestedFormsBytesMax, pieceBytesMax } from '../limits.ts'

/** Every byte sequence that gives away (a piece of) `value`; none for a value that is too short to be told from others. */
export const formsOf = (value: Uint8Array): readonly Buffer[] => {
  const whole = withoutLastLineEnds(Buffer.from(value))
  const core = withoutSpaceAround(whole)
  return [...formsOfText(whole), ...(core.length < whole.length ? formsOfText(core) : [])]
}

const formsOfText = (core: Buffer): readonly Buffer[] => {
  if (core.length < formBytesMin || plainWords.has(core.toString('latin1'))) return []
  const texts = [...linesOf(core), core, ...base64Of(core), ...hexOf(core)]
  if (core.length <= nestedFormsBytesMax)
    texts.push(...base64Of(core).flatMap(base64Of), ...percentOf(core), ...jsonOf(core), ...shellOf(core))
  return texts.filter(({ length }) => length >= formBytesMin).flatMap(pieces)
}

/** Values that hide nothing and stand in every log. */
const plainWords = new Set(['true', 'True', 'TRUE', 'false', 'False', 'FALSE', 'null', 'none', 'None'])

/** `$(…)` drops them too. */
const withoutLastLineEnds = (value: Buffer): Buffer => {
  let end = value.length
  while (end > 0 && (value[end - 1] === 10 || value[end - 1] === 13)) end--
  return value.subarray(0, end)
}

/** So does a shell, of a variable without quotes. */
const withoutSpaceAround = (value: Buffer): Buffer => {
  let [start, end] = [0, value.length]
  while (start < end && isSpace(value[start])) start++
  while (end > start && isSpace(value[end - 1])) end--
  return value.subarray(start, end)
}

const isSpace = (byte: number | undefined): boolean => byte === 9 || byte === 10 || byte === 13 || byte === 32

/** Of a value with several lines each line is one, but not those that every file of its kind has. */
const linesOf = (value: Buffer): readonly Buffer[] => {
  if (!value.includes(10)) return []
  return value
    .toString('latin1')
    .split('\n')
    .map((line) => Buffer.from(line.trim(), 'latin1'))
    .filter((line) => line.length >= lineBytesMin && isTelling(line) && !isArmour(line.toString('latin1')))
}

const isArmour = (line: string): boolean => line.startsWith('-----') && line.endsWith('-----')

/** Rulers and padding are in every log. */
const isTelling = (bytes: Uint8Array): boolean => new Set(bytes).size >= 4
const isVaried = (bytes: Uint8Array): boolean => bytes.some((byte) => byte !== bytes[0])

/**
 * All by itself, with its padding; and the characters that depend on nothing but `bytes`, for each place where they may begin in
 * a group of three.
 */
const base64Of = (bytes: Buffer): readonly Buffer[] => {
  const inside = [0, 1, 2].map((before) => {
    const text = Buffer.concat([Buffer.alloc(before), bytes]).toString('base64')
    return text.slice(Math.ceil((before * 8) / 6), Math.floor(((before + bytes.length) * 8) / 6))
  })
  const alone = bytes.toString('base64')
  const texts = [...inside, alone.replace(/=+$/, ''), alone]
  return distinct([...texts, ...texts.map((text) => text.replaceAll('+', '-').replaceAll('/', '_'))])
}

const hexOf = (bytes: Buffer): readonly Buffer[] => {
  const text = bytes.toString('hex')
  return distinct([text, text.toUpperCase()])
}

/** As `encodeURIComponent`, RFC 3986, web forms and path quoting do it. */
const percentOf = (bytes: Buffer): readonly Buffer[] => {
  const percent = (kept: RegExp, space = '%20') =>
    [...bytes]
      .map((byte) => {
        const character = String.fromCharCode(byte)
        if (kept.test(character)) return character
        return byte === 32 ? space : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
      })
      .join('')
  const strict = percent(/[\w.~-]/)
  const lower = strict.replace(/%../g, (code) => code.toLowerCase())
  return distinct([percent(/[\w.~!'()*-]/), strict, lower, percent(/[\w.~-]/, '+'), percent(/[\w.~/-]/)])
}

/** Inside a JSON string: as JavaScript, Python (ASCII only), Go (safe for HTML) and PHP (slashes too) write it. */
const jsonOf = (bytes: Buffer): readonly Buffer[] => {
  const plain = JSON.stringify(bytes.toString('utf8')).slice(1, -1)
  const ascii = plain.replace(/[\u0080-\uffff]/g, escapeUnit)
  return [plain, ascii, plain.replace(/[<>&\u2028\u2029]/g, escapeUnit), ascii.replaceAll('/', '\\/')].map(
    (text) => Buffer.from(text, 'utf8'),
  )
}

/** Between quotes, as shells write it for `set -x`, `export -p` and `declare -p`; none where that is how it is. */
const shellOf = (bytes: Buffer): readonly Buffer[] => {
  const text = bytes.toString('latin1')
  // Most have none of them, and a job may have a thousand.
  if (!/["'$`\\]/.test(text)) return []
  const quoted = [
    text.replaceAll("'", "'\\''"),
    text.replaceAll("'", `'"'"'`),
    text.replaceAll(/["$`\\]/g, '\\$&'),
  ]
  return distinct(quoted.filter((form) => form !== text))
}

const escapeUnit = (unit: string): string => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`

const distinct = (texts: readonly string[]): readonly Buffer[] =>
  [...new Set(texts)].map((text) => Buffer.from(text, 'latin1'))

/** Side by side, the last one back from the end: whoever finds them all has found every byte of `form`. */
const pieces = (form: Buffer): readonly Buffer[] => {
  if (form.length <= pieceBytesMax) return [form]
  const starts = Array.from(
    { length: Math.floor(form.length / pieceBytesMax) },
    (_, at) => at * pieceBytesMax,
  )
  return [...starts, form.length - pieceBytesMax]
    .map((start) => form.subarray(start, start + pieceBytesMax))
    .filter(isVaried)
}
