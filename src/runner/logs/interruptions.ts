// What may stand in the middle of a secret and is no part of it: escape sequences of terminals, and the line ends with
// which tools wrap encoded text. They are left out while a log is searched.
import { escapeBytesMax, wrappedRunBytes } from '../limits.ts'

export type Uninterrupted = {
  readonly text: Uint8Array
  /** Where the byte at `at` of `text` stands in the original. */
  readonly origin: (at: number) => number
}

export type Interruptions = {
  /** Start and end of each, in turn. */
  readonly cuts: readonly number[]
  /** Where a sequence begins whose end is not there yet; the length of the text when there is none. */
  readonly openAt: number
}

const escapeByte = 0x1b
const lineFeed = 10
const carriageReturn = 13

/** `run`: how many characters of an encoding stand right before `text`. */
export const findInterruptions = (text: Buffer, run: number): Interruptions => {
  const cuts: number[] = []
  let sequence = text.indexOf(escapeByte)
  let lineEnd = nextLineEnd(text, 0)
  while (sequence !== -1 || lineEnd !== -1) {
    if (sequence === -1 || (lineEnd !== -1 && lineEnd < sequence)) {
      addWrap(cuts, text, lineEnd, run)
      lineEnd = nextLineEnd(text, lineEnd + 1)
      continue
    }
    const end = endOfSequence(text, sequence)
    if (end === open) {
      cuts.push(sequence, text.length)
      return { cuts, openAt: sequence }
    }
    if (end !== noSequence) cuts.push(sequence, end)
    sequence = text.indexOf(escapeByte, end === noSequence ? sequence + 1 : end)
    // Line ends inside a sequence are part of it.
    if (end !== noSequence && lineEnd !== -1 && lineEnd < end) lineEnd = nextLineEnd(text, end)
  }
  return { cuts, openAt: text.length }
}

/** A carriage return that ends the text may turn out to be half of a line end. */
const nextLineEnd = (text: Buffer, from: number): number => {
  const at = text.indexOf(lineFeed, from)
  if (at !== -1 || from >= text.length) return at
  return text[text.length - 1] === carriageReturn ? text.length - 1 : -1
}

const addWrap = (cuts: number[], text: Buffer, lineEnd: number, run: number): void => {
  const start = lineEnd > 0 && text[lineEnd - 1] === carriageReturn ? lineEnd - 1 : lineEnd
  if (runBefore(text, start, run) === wrappedRunBytes) cuts.push(start, lineEnd + 1)
}

/** How many characters of an encoding stand right before `at`, as far as it matters; `run` of them before `text`. */
export const runBefore = (text: Uint8Array, at: number, run: number): number => {
  let count = 0
  while (count < wrappedRunBytes && count < at && isEncoding[text[at - count - 1] as number] === 1) count++
  return count === at ? Math.min(wrappedRunBytes, count + run) : count
}

/** base64 of both alphabets, which hexadecimal is a part of. */
const isEncoding = Uint8Array.from({ length: 256 }, (_, byte) =>
  /[A-Za-z0-9+/=_-]/.test(String.fromCharCode(byte)) ? 1 : 0,
)

const noSequence = -1
const open = -2

/** ECMA-48: control sequences, strings up to BEL or ST, and the short ones. */
const endOfSequence = (text: Uint8Array, start: number): number => {
  const limit = Math.min(text.length, start + escapeBytesMax)
  const cutOff = limit === text.length ? open : noSequence
  const kind = start + 1 < limit ? (text[start + 1] as number) : -1
  if (kind === -1) return cutOff
  if (kind === 0x5b) return endOfControl(text, start + 2, limit, { lastMin: 0x40, cutOff })
  if (kind === 0x5d || kind === 0x50 || kind === 0x5f || kind === 0x5e)
    return endOfString(text, start + 2, limit, cutOff)
  if (kind >= 0x20 && kind <= 0x2f) return endOfControl(text, start + 2, limit, { lastMin: 0x30, cutOff })
  return kind >= 0x30 && kind <= 0x7e ? start + 2 : noSequence
}

const endOfControl = (
  text: Uint8Array,
  from: number,
  limit: number,
  { lastMin, cutOff }: { readonly lastMin: number; readonly cutOff: number },
): number => {
  for (let at = from; at < limit; at++) {
    const byte = text[at] as number
    if (byte >= lastMin && byte <= 0x7e) return at + 1
    if (byte < 0x20 || byte > 0x7e) return noSequence
  }
  return cutOff
}

const endOfString = (text: Uint8Array, from: number, limit: number, cutOff: number): number => {
  for (let at = from; at < limit; at++) {
    if (text[at] === 7) return at + 1
    if (text[at] === escapeByte) {
      if (at + 1 === limit) return cutOff
      return text[at + 1] === 0x5c ? at + 2 : noSequence
    }
  }
  return cutOff
}

/** The text without what `cuts` says. */
export const uninterrupted = (text: Uint8Array, { cuts }: Interruptions): Uninterrupted => {
  const left = new Uint8Array(text.length)
  /** How much of `left` stands before each cut. */
  const before: number[] = []
  let length = 0
  let from = 0
  for (let cut = 0; cut < cuts.length; cut += 2) {
    const part = text.subarray(from, cuts[cut])
    left.set(part, length)
    length += part.length
    before.push(length)
    from = cuts[cut + 1] as number
  }
  left.set(text.subarray(from), length)
  length += text.length - from
  return {
    text: left.subarray(0, length),
    origin: (at) => {
      const passed = countUpTo(before, at)
      return passed === 0 ? at : (cuts[2 * passed - 1] as number) + at - (before[passed - 1] as number)
    },
  }
}

/** How many of the rising `numbers` are not above `limit`. */
const countUpTo = (numbers: readonly number[], limit: number): number => {
  let low = 0
  let high = numbers.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((numbers[middle] as number) <= limit) low = middle + 1
    else high = middle
  }
  return low
}
