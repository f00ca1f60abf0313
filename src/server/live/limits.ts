// Every number of live updates.
const mib = 1024 * 1024

export const limits = {
  /** WebSockets and event streams together. */
  connections: 5_000,
  connectionsPerCredential: 100,
  /** Handshakes whose credentials are being looked up. */
  pendingUpgrades: 64,
  topicsPerSocket: 32,
  /** Of revs and seqs, which are `integer` in the database. */
  cursorMax: 2 ** 31 - 1,
  clientMessageBytes: 4 * 1024,
  /** Client messages per heartbeat; a page needs a handful. */
  clientMessagesPerBeat: 200,
  /** What may wait in the server for one slow reader. */
  bufferedBytes: 1 * mib,
  /** From saying why a connection ends to ending it. */
  goodbyeMs: 1_000,
  /** How often followers look without being told: notices can be lost when the database connection is. */
  safetyNetMs: 10_000,
  /** So often a follower of one run reads what changed: some times at once, then once in each interval. */
  runReads: { burst: 8, everyMs: 40 },
  /** Runs that changed while a reader of `runs` was busy; past it he loads his list anew. */
  pendingRuns: 500,
} as const

/** The rhythm of connections; tests have a faster one. */
export type Pace = {
  /** Ping, and the look whether the session still stands. */
  readonly beatMs: number
  /** How long a reader may leave its buffer full. */
  readonly stalledMs: number
}
export const pace: Pace = { beatMs: 15_000, stalledMs: 20_000 }
