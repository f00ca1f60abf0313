// Spaces out what somebody does again and again: some times at once, then only so often. A follower of a run with a hundred
// jobs reads a few changes together; one of a small run waits for nothing.

/** Milliseconds to wait before the next time, which is counted as done. */
export type Spacing = (nowMs: number) => number

export const createSpacing = ({
  burst,
  everyMs,
}: {
  readonly burst: number
  readonly everyMs: number
}): Spacing => {
  /** When the allowance would be full again. */
  let fullAt = Number.NEGATIVE_INFINITY
  return (nowMs) => {
    fullAt = Math.max(fullAt, nowMs) + everyMs
    return Math.max(0, fullAt - nowMs - burst * everyMs)
  }
}
