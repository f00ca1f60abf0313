// Every number of live updates.
const mib = 1024 * 1024

export const limits = {
  socketsMax: 5_000,
  topicsPerSocket: 32,
  clientMessageBytes: 4 * 1024,
  /** Client messages per heartbeat; a page needs a handful. */
  clientMessagesPerBeat: 200,
  /** What may wait in the server for one slow reader, and how long it may stay above that. */
  bufferedBytes: 1 * mib,
  stalledMs: 20_000,
  /** Ping, and the look whether the session still stands. */
  beatMs: 15_000,
  /** How often followers look without being told: notices can be lost when the database connection is. */
  safetyNetMs: 10_000,
  /** Runs that changed while a reader of `runs` was busy; past it the oldest news is dropped. */
  pendingRuns: 500,
} as const
