// Lines of a step that are drawn as one row of their own height: a folded group, what a filter leaves out, numbers whose lines
// were never received. Pure; the heights of viewport.ts go through here.
import type { Group } from './groups.ts'

export type Fold = {
  readonly from: number
  readonly to: number
  /** `heading`: of a group that is open, its first line alone. */
  readonly kind: 'group' | 'heading' | 'left-out' | 'missing'
  readonly name: string
}
/** Both ends included. */
export type Lines = { readonly from: number; readonly to: number }
/** A line as itself, or the first of those that a fold stands for. */
export type Row = { readonly number: number; readonly fold: Fold | null }

/** In order and apart: of two that share lines, the one that begins first has them. */
export const joinFolds = (folds: readonly Fold[]): readonly Fold[] => {
  const joined: Fold[] = []
  for (const fold of folds.toSorted((a, b) => a.from - b.from || b.to - a.to)) {
    const from = Math.max(fold.from, (joined.at(-1)?.to ?? 0) + 1)
    if (from <= fold.to) joined.push({ ...fold, from })
  }
  return joined
}

/** `rows`: rows that lines 1 … n take when nothing is folded; `tall`: rows that a fold takes, which one can press. */
export const foldedRows = (
  rows: (line: number) => number,
  folds: readonly Fold[],
  tall: number,
): ((line: number) => number) => {
  if (folds.length === 0) return rows
  let sum = 0
  const saved = folds.map(({ from, to }) => {
    sum += rows(to) - rows(from - 1) - tall
    return sum
  })
  return (line) => {
    const at = foldBefore(folds, line)
    const fold = folds[at]
    if (fold === undefined) return rows(line)
    if (line >= fold.to) return rows(line) - (saved[at] ?? 0)
    return rows(fold.from - 1) - (saved[at - 1] ?? 0) + tall
  }
}

/** The rows that lines `from` … `to` are drawn as. */
export const rowsBetween = (folds: readonly Fold[], { from, to }: Lines): readonly Row[] => {
  const rows: Row[] = []
  for (let line = from; line <= to; line++) {
    const fold = foldOf(folds, line)
    rows.push({ number: fold?.from ?? line, fold })
    if (fold !== null) line = fold.to
  }
  return rows
}

export const foldOf = (folds: readonly Fold[], line: number): Fold | null => {
  const fold = folds[foldBefore(folds, line)]
  return fold !== undefined && line <= fold.to ? fold : null
}

/** The last fold that begins at or before a line; -1 without any. */
const foldBefore = (folds: readonly Fold[], line: number): number => {
  let low = 0
  let high = folds.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((folds[middle]?.from ?? 0) > line) high = middle
    else low = middle + 1
  }
  return low - 1
}

/** Groups, folded or with their headings, as the reader chose or by default; `count`: lines of the step. */
export const groupFolds = (
  groups: readonly Group[],
  of: { readonly count: number; readonly isFolded: (group: Group) => boolean },
): readonly Fold[] =>
  groups.map((group) => {
    const { from, to, name } = group
    return of.isFolded(group)
      ? { from, to: to ?? Math.max(from, of.count), kind: 'group', name }
      : { from, to: from, kind: 'heading', name }
  })

/** What is left out when only these lines are wanted; they may touch one another and lie beyond the end. */
export const foldsBetween = (wanted: readonly Lines[], count: number): readonly Fold[] => {
  const folds: Fold[] = []
  let next = 1
  const leaveOut = (to: number) => {
    if (to >= next) folds.push({ from: next, to, kind: 'left-out', name: '' })
  }
  for (const { from, to } of wanted.toSorted((a, b) => a.from - b.from)) {
    leaveOut(Math.min(from - 1, count))
    next = Math.max(next, to + 1)
  }
  leaveOut(count)
  return folds
}

/** Lines beyond those drawn that are brought along. */
const wantedBeyond = 100

/** Lines that follow one another with what is above and below them; those of a filter as they are. */
export const wantedLines = (rows: readonly Row[]): readonly Lines[] => {
  const [first, last] = [rows[0], rows.at(-1)]
  if (first === undefined || last === undefined) return []
  if (last.number - first.number === rows.length - 1)
    return [{ from: first.number - wantedBeyond, to: last.number + wantedBeyond }]
  return rows.map(({ number }) => ({ from: number - 1, to: number }))
}
