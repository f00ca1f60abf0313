// Lines of one chunk of a log, rendered alone: what the chunks before it leave behind (the pen, and the beginning of a line
// that goes on) is read off their bytes, and of the chunk itself only the lines that are wanted go through the terminal.
import { concatBytes, utf8 } from '../../base/bytes.ts'
import { applySgr, type Pen, penCode, plainPen } from '../../protocol/terminal/pen.ts'
import { createSgrReducer, type SgrLine } from '../../protocol/terminal/sgr.ts'
import { carryBytesMax } from '../limits.ts'

/** A frame after inflating. */
export type RawFrame = { readonly firstLine: number; readonly tMs: number; readonly bytes: Uint8Array }

/** `tMs`: when the frame came in which the line began; null: that is in an earlier chunk. */
export type BookLine = SgrLine & { readonly tMs: number | null }

export type OpenChunk = {
  /** Lines that end in the chunk, by their numbers in the step. */
  readonly lines: (from: number, to: number) => readonly BookLine[]
  /** What comes after the last of them; null when nothing does. */
  readonly tail: BookLine | null
}

/** `carry`: bytes that stand before the chunk, as `carryOf` gives them. */
export const openChunk = (frames: readonly RawFrame[], carry: Uint8Array): OpenChunk => {
  const text = new TextDecoder().decode(concatBytes([carry, ...frames.map(({ bytes }) => bytes)]))
  const starts = lineStarts(text)
  const firstLine = frames[0]?.firstLine ?? 1
  const isCarried = new TextDecoder().decode(carry).replaceAll(sgr, '') !== ''
  const timeOf = timesOf(frames, firstLine, isCarried)
  const tailLine = firstLine + starts.length - 1
  const reduce = (from: number, to: number) => {
    const reducer = createSgrReducer()
    const start = starts[from - firstLine] ?? text.length
    reducer.push(sgrOf(penBefore(text, start)))
    const lines = reducer.push(text.slice(start, starts[to + 1 - firstLine] ?? text.length))
    return { lines, tail: reducer.tail() }
  }
  const { tail } = reduce(tailLine, tailLine)
  return {
    lines: (from, to) =>
      reduce(from, Math.min(to, tailLine - 1)).lines.map((line, i) => ({ ...line, tMs: timeOf(from + i) })),
    tail: tail === null ? null : { ...tail, tMs: timeOf(tailLine) },
  }
}

/** Where each line begins; the last entry is the one that has not ended. */
const lineStarts = (text: string): readonly number[] => {
  const starts = [0]
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) starts.push(at + 1)
  return starts
}

/** When a line began: with the frame in which it did. */
const timesOf = (frames: readonly RawFrame[], firstLine: number, isCarried: boolean) => {
  const begun: { readonly line: number; readonly tMs: number | null }[] = [
    { line: firstLine, tMs: isCarried ? null : (frames[0]?.tMs ?? null) },
  ]
  let isAtStart = !isCarried
  for (const { firstLine: line, tMs, bytes } of frames) {
    begun.push({ line: isAtStart ? line : line + 1, tMs })
    if (bytes.length > 0) isAtStart = bytes.at(-1) === newline
  }
  return (line: number): number | null => {
    let low = 0
    let high = begun.length
    while (low < high) {
      const middle = (low + high) >> 1
      if ((begun[middle]?.line ?? 0) > line) high = middle
      else low = middle + 1
    }
    return begun[low - 1]?.tMs ?? null
  }
}

const newline = 10

/**
 * What a chunk needs of the one before it: the colours that are on, and the beginning of the line that goes on. Of a line
 * longer than that, its beginning and its end. `isWhole`: the line began in `before`, or it has no such beginning.
 */
export const carryOf = (before: Uint8Array): { readonly bytes: Uint8Array; readonly isWhole: boolean } => {
  const end = before.lastIndexOf(newline)
  const rest = before.subarray(end + 1)
  const ended = new TextDecoder().decode(before.subarray(0, end + 1))
  const kept =
    rest.length <= 2 * carryBytesMax
      ? [rest]
      : [rest.subarray(0, carryBytesMax), rest.subarray(rest.length - carryBytesMax)]
  return { bytes: concatBytes([utf8(sgrOf(penBefore(ended, ended.length))), ...kept]), isWhole: end !== -1 }
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: colours are what is looked for.
const sgr = /(?:\u001b\[|\u009b)([0-9;:]*)m/g
const sgrOf = (pen: Pen): string => (pen === plainPen ? '' : `\u001b[0;${penCode(pen)}m`)

/** The pen that is on at `end`: what was switched on since the last time everything was switched off. */
const penBefore = (text: string, end: number): Pen => {
  const off = Math.max(text.lastIndexOf('\u001b[0m', end), text.lastIndexOf('\u001b[m', end), 0)
  let pen = plainPen
  for (const [, parameters] of text.slice(off, end).matchAll(sgr)) pen = applySgr(pen, parameters ?? '')
  return pen
}
