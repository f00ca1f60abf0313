// Which rows of a log are on screen. A log is a column of blocks, one per step: a heading and, when open, its lines.
// Pure arithmetic over heights, so that a hundred thousand lines cost what sixty do.

/** `rowsBefore(n)`: rows that lines 1 … n take (a wrapped line takes several); monotone, `rowsBefore(0)` is 0. */
export type Block = {
  readonly step: number
  readonly lines: number
  readonly rowsBefore: (line: number) => number
}

export type Metrics = { readonly headingPx: number; readonly rowPx: number }

export type Slice = {
  readonly step: number
  /** Lines `from` … `to` of the step, both included; none when `to` is below `from`. */
  readonly from: number
  readonly to: number
  readonly headingTop: number
  /** Where line `from` starts. */
  readonly linesTop: number
}

export const totalHeight = (blocks: readonly Block[], metrics: Metrics): number =>
  blocks.reduce((sum, block) => sum + blockHeight(block, metrics), 0)

/** The blocks that touch `[top, bottom)` with the lines that do. */
export const visibleSlices = (
  blocks: readonly Block[],
  metrics: Metrics,
  range: { readonly top: number; readonly bottom: number },
): readonly Slice[] => {
  const slices: Slice[] = []
  let headingTop = 0
  for (const block of blocks) {
    const end = headingTop + blockHeight(block, metrics)
    if (end > range.top && headingTop < range.bottom) {
      const start = headingTop + metrics.headingPx
      const from = lineAtRow(block, (range.top - start) / metrics.rowPx)
      const to = lineAtRow(block, (range.bottom - start) / metrics.rowPx)
      slices.push({
        step: block.step,
        from,
        to: range.bottom <= start ? from - 1 : to,
        headingTop,
        linesTop: start + block.rowsBefore(from - 1) * metrics.rowPx,
      })
    }
    headingTop = end
  }
  return slices
}

/** Where a line starts; line 0 is the heading. null when the step has no block. */
export const lineTop = (
  blocks: readonly Block[],
  metrics: Metrics,
  target: { readonly step: number; readonly line: number },
): number | null => {
  let top = 0
  for (const block of blocks) {
    if (block.step === target.step)
      return target.line < 1
        ? top
        : top + metrics.headingPx + block.rowsBefore(Math.min(target.line, block.lines) - 1) * metrics.rowPx
    top += blockHeight(block, metrics)
  }
  return null
}

/** Rows before each line when lines wrap at `columns`; grows with the log instead of being counted anew. */
export const createWrapIndex = (columns: number, widthOf: (line: number) => number) => {
  const ends: number[] = []
  return (line: number): number => {
    for (let next = ends.length + 1; next <= line; next++)
      ends.push((ends.at(-1) ?? 0) + Math.max(1, Math.ceil(widthOf(next) / columns)))
    return line < 1 ? 0 : (ends[line - 1] ?? 0)
  }
}

const blockHeight = (block: Block, metrics: Metrics): number =>
  metrics.headingPx + block.rowsBefore(block.lines) * metrics.rowPx

/** The line that covers a row, clamped to the block; by halving, since rowsBefore grows. */
const lineAtRow = (block: Block, row: number): number => {
  let low = 1
  let high = Math.max(1, block.lines)
  while (low < high) {
    const middle = (low + high) >> 1
    if (block.rowsBefore(middle) > row) high = middle
    else low = middle + 1
  }
  return block.lines === 0 ? 1 : low
}
