// Every bound of the browser side in one place: waits, retries, queues and sizes.

/** A request that takes longer is given up and shown as unreachable. */
export const requestDeadlineMs = 20_000
/** A page shows nothing for this long before it shows a skeleton. */
export const skeletonAfterMs = 150
export const pageSize = 50

export const pingEveryMs = 20_000
export const pongWithinMs = 10_000
export const backoffFirstMs = 500
export const backoffMaxMs = 30_000
/** While there is no stream, state is fetched this often. */
export const pollEveryMs = 5_000
/** A stream that is away for less is not worth a banner. */
export const bannerAfterMs = 4_000

/** Keys of a sequence such as `g r` follow one another within this. */
export const keySequenceMs = 1_200

/** Kept per line of a log; the rest is counted, not shown. */
export const lineCharsMax = 16_384
/** An escape sequence that is not over after this many characters is shown as text. */
export const escapeCharsMax = 4_096
/** Lines kept per attempt; a viewer for more is the next issue. */
export const logLinesMax = 1_000_000
/** Of one inflated frame, as protocol/frames.ts says. */
export const frameRawBytesMax = 1024 * 1024

/** A larger graph is laid out in a worker, so that the page stays alive. */
export const graphNodesInline = 40
export const newRunsQueueMax = 200
