// Every bound of the browser side in one place: waits, retries, queues and sizes.

/** A request that takes longer is given up and shown as unreachable. */
export const requestDeadlineMs = 20_000
/** A page shows nothing for this long before it shows a skeleton. */
export const skeletonAfterMs = 150
export const pageSize = 50

/** A stream that is not open by then is given up, and another tried. */
export const openWithinMs = 10_000
export const pingEveryMs = 20_000
export const pongWithinMs = 10_000
export const backoffFirstMs = 500
export const backoffMaxMs = 30_000
/** After a page asked for its list, which has come by then. */
export const catchUpMs = 1_000
/** While there is no stream, state is fetched this often. */
export const pollEveryMs = 5_000
/** A stream that is away for less is not worth a banner. */
export const bannerAfterMs = 4_000

/** Where the time of a run that moves went is asked for this often. */
export const timelineEveryMs = 3_000

/** Keys of a sequence such as `g r` follow one another within this. */
export const keySequenceMs = 1_200

/** Of a line that began in an earlier chunk of its log: so much of its beginning and of its end. */
export const carryBytesMax = 64 * 1024
/** Small frames of a live log are kept as one chunk up to so many compressed bytes: what is decoded at once. */
export const liveChunkBytes = 16 * 1024
/** A log whose stored bytes are fewer is fetched whole when it is opened. */
export const wholeLogBytes = 512 * 1024
/** Compressed chunks that the worker keeps; older ones are fetched again. */
export const keptChunkBytes = 32 * 1024 * 1024
/** Chunks that the worker keeps as lines. */
export const decodedChunks = 6
/** A search fetches so many chunks with one request. */
export const chunksAtOnce = 8
/** Lines go from the worker to the page by so many, and the page keeps so many pages: more than a screen of single matches needs. */
export const pageLines = 200
export const keptPages = 128
/** News of a growing log reach the page at most this often. */
export const logNewsEveryMs = 40
export const matchesMax = 10_000
/** Of one step: beginnings and ends of groups, and the characters of a name. */
export const groupMarksMax = 4_000
export const groupNameCharsMax = 200
/** Nothing was printed for so long: the log says so. */
export const pauseMs = 10_000
/** So many chosen lines are copied as text. */
export const copiedLinesMax = 5_000
/** What a click on lines that a filter left out brings back, at each end. */
export const revealedLines = 20
/** A search that says nothing for so long is given up, with its worker. */
export const searchSilenceMs = 10_000
/** Of one inflated frame, as protocol/frames.ts says. */
export const frameRawBytesMax = 1024 * 1024

/** Who goes back is brought to where they were, if the page is there by then. */
export const scrollBackMs = 3_000
/** Of a list of which they had fetched more; what they had beyond is asked for again. */
export const pagesBackMax = 20

/** A larger graph is laid out in a worker, so that the page stays alive. */
export const graphNodesInline = 40
/** A run that waited for less stood in no queue worth naming on its row. */
export const longQueueMs = 10_000
export const newRunsQueueMax = 200
/** A list whose filters only the server can tell asks it at most this often while runs change. */
export const newsEveryMs = 3_000
/** As often as a runner tells what a job that somebody watches uses. */
export const usageEveryMs = 10_000
