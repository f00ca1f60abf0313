// How much one commit differs from another in what was measured of both in turn (performance.md §4): the middle of the ratios
// of the rounds, and between what it lies nineteen times of twenty when rounds are drawn anew. Pure: the draws are the same
// for the same rounds.
import { median } from '../statistics.ts'

export type Round = { readonly before: number; readonly now: number }

export type Change = {
  /** Now by before: 1 is no change. */
  readonly ratio: number
  readonly low: number
  readonly high: number
  readonly n: number
  readonly verdict: 'faster' | 'slower' | 'no difference shown'
}

const draws = 4000
/** What is less is nobody's business, however sure it is. */
const smallest = 0.03

export const changeOf = (rounds: readonly Round[], better: 'lower' | 'higher'): Change => {
  const ratios = rounds.map(({ before, now }) => now / before)
  const ratio = median(ratios)
  const random = createRandom()
  const drawn = Array.from({ length: draws }, () =>
    median(ratios.map(() => ratios[Math.floor(random() * ratios.length)] ?? ratio)),
  ).sort((a, b) => a - b)
  const at = (share: number) => drawn[Math.round(share * (draws - 1))] ?? ratio
  const [low, high] = [at(0.025), at(0.975)]
  const isShown = (low > 1 || high < 1) && Math.abs(ratio - 1) > smallest
  const isFaster = better === 'lower' ? ratio < 1 : ratio > 1
  const verdict = isShown ? (isFaster ? 'faster' : 'slower') : 'no difference shown'
  return { ratio, low, high, n: rounds.length, verdict }
}

/** mulberry32: the same numbers each time, evenly spread. */
const createRandom = (): (() => number) => {
  let state = 0x9e3779b9
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
