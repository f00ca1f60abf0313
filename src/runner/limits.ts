// Every bound of the runner zone, in one place.
import { handBackFlags } from '../sys/index.ts'

/** TERM to KILL, and how long a sandbox may take to open and to close. */
export const termMs = 10_000
export const openMs = 120_000
export const closeMs = 30_000
/** What the in-step shims may say to us over the step's control stream. */
export const controlBytesMax = 256

/** Raw bytes of one log frame. */
export const frameRawBytes = 256 * 1024
/** How long output waits for company, while somebody watches and while nobody does. */
export const watchedFlushMs = 100
export const unwatchedFlushMs = 1_000
/** With nobody watching, the first frames of an attempt wait this long: it may be over by then (decision 0010). */
export const unwatchedShipMs = 1_000
/** Of one request with frames, unless a single frame is larger: both sides hold several copies of it. */
export const shipBatchBytes = 1024 * 1024
/** Full frames of a fast log wait this long until a request is full. */
export const fastShipMs = 50
/** Raw log bytes of one attempt on their way into sealed frames; beyond it the job's output waits. */
export const unsealedLogBytesMax = 2 * 1024 * 1024
/** Log bytes of one attempt that are not yet durable on the server; beyond it the job's output waits. */
export const unackedLogBytesMax = 8 * 1024 * 1024
/** Binary logarithm of how far compression looks back: a frame has at most twice `frameRawBytes`. */
export const compressWindowLog = 19
/** Frames smaller than this are compressed on the spot, larger ones in Node's thread pool. */
export const compressInlineBytes = 16 * 1024
/** What may be packed or encoded in a log is kept up to this size to be looked into, ... */
export const packedBytesMax = 1024 * 1024
/** ... unpacked up to this size, ... */
export const unpackedBytesMax = 8 * 1024 * 1024
export const zipEntriesMax = 100
export const leakScanDepth = 3
/** ... and of one attempt so much altogether. */
export const leakScanBytesMax = 64 * 1024 * 1024

/** Writing one file of ours into the sandbox. */
export const putFileMs = 30_000

/** Shorter values, and forms of values, are not masked: they stand everywhere. */
export const formBytesMin = 4
/** Shorter lines of a secret with several lines are not masked by themselves. */
export const lineBytesMin = 8
/** Longer forms of a secret are looked for piece by piece: a log waits for at most one byte less. */
export const pieceBytesMax = 128
/** Encodings of encodings, and escaped forms, are made of values up to this size; of longer ones base64 and hex. */
export const nestedFormsBytesMax = 8 * 1024
/** A longer escape sequence is text; and a secret with more than `spreadBytesMax` between its ends is not found. */
export const escapeBytesMax = 256
export const spreadBytesMax = 4 * 1024
/** A line end after this many characters of an encoding may be one that a tool put into it. */
export const wrappedRunBytes = 16
/** Back-off of every repeated request to the server. */
export const backoffFirstMs = 100
export const backoffMaxMs = 5_000
/** Until the first answer: the server is most likely starting beside us. */
export const backoffStartMaxMs = 150

/** A fetched pack, and all packs kept at once; kept ones are forgotten after this long. */
export const packBytesMax = 512 * 1024 * 1024
export const keptPackBytesMax = 512 * 1024 * 1024
export const keptPackMs = 120_000
/** Configuration files a plan may read, and their sizes together. */
export const configFilesMax = 64
/** The end of what git says, kept to tell its failures apart. */
export const gitWordsBytes = 8 * 1024
/** Fetch and refs cells as a whole; the agent's keys live no longer. */
export const fetchMs = 600_000
export const agentKeySeconds = 120
export const agentStartMs = 5_000
/** An authenticated connection to a source host that nobody uses ends by itself; and how many of them a runner keeps. */
export const keptConnectionMs = 60_000
export const keptConnectionsMax = 4
/** Unpacking a tree into the job's sandbox. */
export const unpackMs = 600_000

/** Another seal for a log's key is prepared this long after one was taken. */
export const sealRefillMs = 150
/** After one that waited was taken, the next is started when the job that follows has had time to begin. */
export const standbyRefillMs = 250
/** A reader of a local repository waits this long for the next plan, and of this many repositories at once. */
export const readerWaitMs = 300_000
export const readersMax = 4
/** Reading the configuration at one commit: how long, how much, and how deep directories may lie in each other. */
export const readMs = 60_000
export const readBytesMax = 32 * 1024 * 1024
export const readDepthMax = 16
/** A compile cell that waits is replaced after this long; one request must be answered within `compileMs`. */
export const compilerWaitMs = 1_800_000
export const compileMs = 10_000
export const compilerStartMs = 30_000
/** References of one source that a contact reports, or a checkout brings along. */
export const refsMax = 10_000
export const refsBytesMax = 4 * 1024 * 1024

/** Held polls answer within 25 s; every other request has this long. */
export const pollDeadlineMs = 45_000
export const requestDeadlineMs = 30_000
export const answerBytesMax = 16 * 1024 * 1024
/** A plan that is told before its attempt ends: the place is free no later than this after its sandboxes are gone. */
export const tellPlanMs = 5_000
/** From there to the closing of its sandboxes, while there is room for its job. */
export const afterPlanMs = 40
/** V8's bounds for the compiler: what it holds, and how much garbage of a large file it may gather before it looks. */
export const compilerFlags = [
  '--max-old-space-size=256',
  '--max-semi-space-size=8',
  ...handBackFlags,
] as const
/** After an answer that brought work the next poll waits this long, while there is room. */
export const afterLeaseMs = 25
/** And this long after its output is over, when that is sooner: the last of it is on its way. */
export const afterOutputMs = 6
/** Events wait this long for company, while somebody watches and while nobody does. */
export const watchedEventsMs = 50
export const unwatchedEventsMs = 500
export const eventsPerRequest = 500
export const eventTextMax = 1_000
/** After the end of an attempt its log, events and result are offered this long. */
export const finishMs = 600_000
/** A run of the isolation suite (a second when nobody else works), and when the next one begins: an hour less up to this. */
export const measureMs = 120_000
export const measureEveryMs = 3_600_000
export const measureSpreadMs = 900_000
/** A stopping runner lets attempts end by themselves for this long. */
export const drainMs = 5_000
/** Sealed log frames of one attempt kept in memory for the finished log; beyond it they go to a file. */
export const archiveMemoryBytes = 4 * 1024 * 1024
/** Bytes read at once from the file of sealed frames. */
export const archiveReadBytes = 256 * 1024

/** Of one archive of files of a job, before compression (isolation.md §7.3). */
export type ArchiveLimits = {
  readonly entriesMax: number
  readonly bytesMax: number
  readonly nameBytesMax: number
}
export const archiveLimits: ArchiveLimits = {
  entriesMax: 500_000,
  bytesMax: 12 * 1024 ** 3,
  nameBytesMax: 64 * 1024 * 1024,
}
/** Reports of tests that one step reads, and the size of one. */
export const reportsMax = 5_000
export const reportBytesMax = 64 * 1024 * 1024
/** Of the times of earlier tests that a job is given. */
export const timingLinesMax = 100_000
/** Failed tests that are named in the step's own log. */
export const failedNamedMax = 20
/** Packing or unpacking one archive, sending and fetching it. */
export const archiveMs = 1_800_000
/** The list of paths that differ from a base. */
export const changedPathsBytesMax = 8 * 1024 * 1024
/** A configuration that a run goes on with, and the parameters beside it, as a job's sandbox holds them. */
export const continuationBytesMax = 3 * 1024 * 1024
export const continuationParametersBytesMax = 128 * 1024
/** What a job asks of its server (how its run goes on, who vouches for it) is asked this long. */
export const askMs = 60_000
/** The job's socket: connections at once, and how long one may wait for its line and its answer. */
export const jobSocketsMax = 32
export const jobSocketMs = 90_000
/** The endpoint of a setup job: how long its first step waits for it, how often and with how much it may be asked. */
export const relayReadyMs = 5_000
export const relayRequestsMax = 100
export const relayBytesMax = 64 * 1024 * 1024
/** A step begins with identity tokens that are good for at least this long (of the 15 minutes they live). */
export const tokenLeftSecondsMin = 10 * 60
/** While a step runs, new ones are there when its tokens are good for no longer than this. */
export const tokenRenewSeconds = 5 * 60
/** Between two tries to renew them. */
export const tokenRetryMs = 30_000
/** Plans that a runner compiled and remembers, to prove their jobs by. */
export const knownPlansMax = 8

/** What a sandbox uses is read after this long, and then as often; of long attempts more and more seldom, but no slower than this. */
export const samplePointMs = 1_000
export const sampleSlowestMs = 10_000
