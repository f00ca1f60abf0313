// Numbers from a seed: the same everywhere, so that what a test found can be found again.

/** mulberry32: answers whole numbers from 0 to below `below`. */
export const createRandom = (seed: number) => {
  let state = seed
  return (below: number): number => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) % below
  }
}

export type Random = ReturnType<typeof createRandom>
