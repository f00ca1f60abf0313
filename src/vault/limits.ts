// Every bound of the vault that is not part of its protocol (those stand in protocol/vault.ts).

/** Used tickets are remembered this long after they expired, against clocks that are set back. */
export const usedKeepSeconds = 3600
/** used.log is rewritten without the expired lines when it grew to this many. */
export const usedLinesMax = 50_000
/** Lines that wait for one fsync; more are refused, not queued. */
export const appendQueueMax = 10_000
/** How far the clocks of server and runners may be ahead of ours. */
export const clockSkewSeconds = 60
/** Objects that one user may open per hour (trust-model.md §6); each object counts once an hour. */
export const blobOpensPerHour = 600
/** Different users counted in one hour; beyond it nothing more is opened for others. */
export const blobUsersMax = 50_000
export const ingestKeyLifeSeconds = 24 * 3600
export const rootKeyBytes = 32
/** Months of audit.log beside the one that is written: more than the 400 days of trust-model.md §7. */
export const auditLogsKept = 15
/** The longest names which projects are admitted: some 200 bytes for each. */
export const recordBytesMax = 512 * 1024
export const connectionsMax = 256
export const requestTimeoutMs = 30_000
export const headersTimeoutMs = 5_000
export const headerBytesMax = 8 * 1024
/** uses.log is folded into a line per secret when it grew to this many. */
export const usesLinesMax = 20_000
/** What an attempt was given is known this long, and given.log is rewritten without the rest when it grew to so many lines. */
export const givenKeepSeconds = 7 * 24 * 3600
export const givenLinesMax = 20_000
/** Versions of a secret whose values are kept, the current one included. */
export const secretVersionsKept = 5
export const signerCodeSeconds = 1800
/** Whose statements count. */
export const signersMax = 1000
/** Times that one step is given identity tokens, ... */
export const tokensPerStep = { max: 12, perSecondMax: 12 } as const
/** ... and signatures; steps that this is known of, of which the oldest is forgotten. */
export const signaturesPerStep = { max: 200, perSecondMax: 10 } as const
/** Times that one attempt may tell of a secret in what it said. */
export const leaksPerAttempt = { max: 250, perSecondMax: 50 } as const
export const stepsRememberedMax = 50_000
/** Targets of webhooks. */
export const sendersPerProjectMax = 20
