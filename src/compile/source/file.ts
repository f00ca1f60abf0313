// One configuration file as text, and the way from an offset in it to a line and column.
// A spot is a stretch of a file; every node and every problem has one. Lines are found once and searched in halves.

import type { Position, Problem } from '../../base/problem.ts'
import { limits } from '../limits.ts'

export type SourceFile = {
  readonly path: string
  readonly text: string
  readonly lineStarts: readonly number[]
}

export type Spot = { readonly file: SourceFile; readonly start: number; readonly end: number }

/** A leading byte order mark is no part of the text. */
export const createSourceFile = (path: string, source: string): SourceFile => {
  const text = source.startsWith('\uFEFF') ? source.slice(1) : source
  const lineStarts = [0]
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) lineStarts.push(at + 1)
  return { path, text, lineStarts }
}

export const lineOf = (spot: Spot): number => {
  const starts = spot.file.lineStarts
  let low = 0
  let high = starts.length - 1
  while (low < high) {
    const middle = (low + high + 1) >> 1
    if ((starts[middle] ?? 0) <= spot.start) low = middle
    else high = middle - 1
  }
  return low + 1
}

export const positionOf = (spot: Spot): Position => {
  const line = lineOf(spot)
  const lineStart = spot.file.lineStarts[line - 1] ?? 0
  const lineEnd = lineStart + lineText(spot.file, line).length
  const length = Math.max(1, Math.min(spot.end, lineEnd) - spot.start)
  return { file: spot.file.path, line, column: spot.start - lineStart + 1, length }
}

/** The two lines before, the line itself, and the one after. */
export const frameOf = (spot: Spot): Problem['frame'] => {
  const line = lineOf(spot)
  const frame: { line: number; text: string }[] = []
  // A file that ends with a line break has no further line after it.
  const last = spot.file.lineStarts.length - (spot.file.text.endsWith('\n') ? 1 : 0)
  for (let n = Math.max(1, line - 2); n <= Math.max(line, Math.min(last, line + 1)); n++)
    frame.push({ line: n, text: lineText(spot.file, n).slice(0, limits.frameWidthMax) })
  return frame
}

const lineText = (file: SourceFile, line: number): string => {
  const start = file.lineStarts[line - 1] ?? 0
  const next = file.lineStarts[line] ?? file.text.length + 1
  const text = file.text.slice(start, next - 1)
  return text.endsWith('\r') ? text.slice(0, -1) : text
}
