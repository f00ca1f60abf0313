// "Did you mean": the nearest of the names that would have been right, by edit distance.

import { lineOf, type Spot } from './source/file.ts'

const lengthMax = 64
const candidatesMax = 1000

/** A help text such as `did you mean "test" (line 22)?`, or null when nothing is near. */
export const didYouMean = (
  written: string,
  candidates: Iterable<string>,
  place?: (name: string) => Spot | null,
) => {
  const name = nearest(written, candidates)
  if (name === null) return null
  const spot = place?.(name)
  return `did you mean ${JSON.stringify(name)}${spot ? ` (line ${lineOf(spot)})` : ''}?`
}

export const nearest = (written: string, candidates: Iterable<string>): string | null => {
  if (written.length > lengthMax) return null
  let best: string | null = null
  // A third of the letters may differ, and a short word needs at least one letter right.
  let bestDistance = Math.min(4, Math.ceil(written.length / 3)) + 1
  let seen = 0
  for (const candidate of candidates) {
    if (++seen > candidatesMax) break
    if (candidate.length > lengthMax || candidate === written) continue
    const distance = editDistance(written.toLowerCase(), candidate.toLowerCase(), bestDistance)
    if (distance < bestDistance && distance < candidate.length) {
      best = candidate
      bestDistance = distance
    }
  }
  return best
}

/** Insertions, deletions, replacements and swaps of neighbours; `limit` when it is at least that. */
const editDistance = (a: string, b: string, limit: number): number => {
  if (Math.abs(a.length - b.length) >= limit) return limit
  let beforeLast: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1]
      let cost = Math.min((last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (last[j - 1] ?? 0) + (same ? 0 : 1))
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        cost = Math.min(cost, (beforeLast[j - 2] ?? 0) + 1)
      row.push(cost)
    }
    // Nothing below becomes less than the least of two rows, a swap reaching over one of them.
    if (Math.min(...row) >= limit && Math.min(...last) >= limit - 1) return limit
    beforeLast = last
    last = row
  }
  return Math.min(limit, last[b.length] ?? limit)
}
