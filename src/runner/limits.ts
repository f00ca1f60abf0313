// Every bound of the runner zone, in one place.

/** TERM to KILL, and how long a sandbox may take to open and to close. */
export const termMs = 10_000
export const openMs = 120_000
export const closeMs = 30_000
/** What the in-step shims may say to us over the step's control stream. */
export const controlBytesMax = 256
/** Our own words at the start of a job's log. */
export const noteBytesMax = 4_096

/** Raw bytes of one log frame. */
export const frameRawBytes = 256 * 1024
/** How long output waits for company, while somebody watches and while nobody does. */
export const watchedFlushMs = 100
export const unwatchedFlushMs = 1_000
/** Log bytes of one attempt that are not yet durable on the server; beyond it the job's output waits. */
export const unackedLogBytesMax = 8 * 1024 * 1024
/** Frames smaller than this are compressed on the spot, larger ones in Node's thread pool. */
export const compressInlineBytes = 16 * 1024
/** Back-off of every repeated request to the server. */
export const backoffFirstMs = 100
export const backoffMaxMs = 5_000
