// Every number that bounds the server outside http/ and access/, with its unit.

export const limits = {
  /** With the one for LISTEN eight per process (performance.md §5.12). */
  databaseConnections: { max: 3, kept: 1 },
  keyedConnections: { max: 4, kept: 3 },
  preparedStatements: 200,
  /** A statement that took longer than `settleMs` is found by the looks every few seconds (db/others.ts). */
  otherServers: { aloneAfterMs: 10_000, settleMs: 2_000, beatMs: 10_000 },
  /** What servers tell each other of who watches: 200 ids are 6 KB, and a notice has room for 8. */
  watchedElsewhere: { sayEveryMs: 10_000, forgottenMs: 30_000, idsPerNotice: 200, logsMax: 20_000 },
  statementMs: 15_000,
  /** The database ends a statement itself after `statementMs`: who hears nothing for so long has lost it. */
  answerMs: 30_000,
  lockMs: 5_000,
  idleInTransactionMs: 30_000,

  /** Waiting for the vault: it answers from memory, so a longer silence means it is gone. */
  vaultMs: 5_000,
  /** For so long the documents of an issuer are not asked for again. */
  issuerMs: 1_000,

  jobsPerRunMax: 2_000,
  /** Held attempts of one organisation that one look lets in; the next look follows. */
  admittedAtOnceMax: 1_000,
  /** Runs of one branch that a push ends. */
  supersededRunsMax: 100,
  /** Parts of what removed projects leave: while the answer waits, and each time that is tidied up; jobs and deliveries in one. */
  removedParts: { withAnswer: 8, atOnce: 200, jobs: 500, deliveries: 1_000 },
  notesPerAttemptMax: 100,
  textMax: 2_000,
  stepsPerAttemptMax: 10_000,
  egressRowsPerAttemptMax: 1_000,

  deliveryRememberedHours: 24,
  /** Longer than a delivery is believed, whose sender may have a clock that is ahead. */
  signatureRememberedHours: 25,
  deliveryClockSkewMs: 5 * 60_000,
  /** Deliveries of other tools than our hook, which keeps nothing back and so needs no longer. */
  webhookWindowMs: 5 * 60_000,

  intakeClockMs: 5_000,
  /** From how far ahead a clock must have come back for the next times of schedules to be found anew. */
  clockBackSeconds: 300,
  /** Looks at source hosts that wait or are under way, of all projects. */
  pollsAtOnceMax: 4,
  pollPauseSecondsMax: 3_600,
  /** Per project. */
  pollsKept: 20,
  /** A list of refs that long was cut by its runner. */
  refsPerLookMax: 10_000,
  schedulesPerProjectMax: 100,
  /** Runs that one look at the clock begins; the next look follows. */
  schedulesAtOnceMax: 50,
  /** People who may approve a job: shown, and named in a refusal. */
  approversShown: 50,
  approversNamed: 5,
  approvalsExpiredAtOnce: 100,
  missedTimesCounted: 1_000,
  /** What is more is found by the next look, which follows at once. */
  deliveriesPerLookMax: 50,

  webhooks: {
    /** From resolving the name to the first bytes of the answer. */
    sendMs: 15_000,
    /** When somebody names a target: how long its name is looked for. */
    nameMs: 3_000,
    /** Whoever claimed a delivery has so long; then its try is taken to be lost. */
    claimMs: 30_000,
    /** Of one target, and of all, in one process. */
    atOncePerTarget: 4,
    atOnce: 16,
    lookEveryMs: 5_000,
    /** From one try to the next; each becomes up to a tenth longer, so that not all come back at once. */
    pausesMs: [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400].map((seconds) => seconds * 1000),
    /** When we ourselves could not send, which is no try: the vault is away. */
    pauseMs: 5_000,
    answerBytesKept: 1024,
    answerHeaderBytesMax: 16 * 1024,
    perProjectMax: 20,
    /** Of deliveries that are over, with their tries. */
    keptDays: 14,
    forgottenAtOnce: 10_000,
    shownTries: 50,
  },

  /** Requests with an Idempotency-Key. */
  keyedRequestRememberedHours: 24,
  keyedRequestsPerActorMax: 10_000,
  keyedAnswerCharactersMax: 256 * 1024,

  /** A compiler's answer (16 MiB with its origins) and a receipt; read only after the signature was checked. */
  runnerBodyBytesMax: 20 * 1024 * 1024,
  runnerHeaderBytesMax: 16 * 1024,
  runnerRequestMs: 30_000,
  runnerConnectionsMax: 512,
  /** A finished log up to here lies in its row, not in a file (decision 0082); sealed. */
  logInRowBytesMax: 8 * 1024,
  logObjectBytesMax: 2 * 1024 * 1024 * 1024,
  logObjectUploadMs: 10 * 60_000,
  /** Sealed, as it lies in the object store. */
  storedObjectBytesMax: 8 * 1024 ** 3,
  storedObjectMs: 30 * 60_000,
  /** What nothing was written to for so long was left behind by a crash: no request lasts longer than half of it. */
  abandonedUploadMs: 60 * 60_000,
  /** A file without a row is nothing once it is so old: its row comes right after it, or never. */
  objectWithoutRowMs: 24 * 3_600_000,
  /** Directories that are looked at for such files each time; all of them, at most two thousand, in six hours. */
  objectPlacesAtOnce: 64,
  storedPieceBytes: 1024 * 1024,
  objectsPerAttemptMax: 200,
  /** Of one project and scope; what went unused the longest makes room. */
  cacheScopeBytesMax: 10 * 1024 ** 3,
  /** Since they were last used. */
  cacheDays: 7,
  /** Unless the settings say otherwise; of logs since their attempt ended. */
  retentionDays: { logs: 30, artifacts: 14, tests: 30 },
  workspaceDays: 15,
  unfinishedObjectDays: 1,
  /** Silence after which people read `offline`; a poll is held 25 s. */
  runnerOfflineSeconds: 45,
  /** How often at most a runner that polls is written down as seen. */
  runnerSeenSeconds: 5,
  /** Requests of runners whose frames share a commit. */
  framesGroupMax: 32,
  /** How long a first frame waits for somebody who follows its log: whoever asked for the run is told of it by then. */
  firstWatchedMs: 5,
  /** Reads of an attempt that requests under way beside its `finish` keep changing. */
  finishTriesMax: 8,
  /** Of calls of hooks beyond the rate limit: how often they are written, of how many hooks at once, and how long they are shown. */
  refusedCallsEveryMs: 1_000,
  refusedCallsHooksMax: 1_000,
  refusedCallsShownDays: 7,
  expirySweepMs: 5_000,
  /** Attempts whose leases ended, in one look: of three connections, one stays for others. */
  lostAtOnce: 2,
  /** From the end of an attempt to the wrapping of its log key, which has no hurry. */
  logKeysWrapMs: 1_000,
  logKeysWrappedAtOnce: 50,
  /** What a vault that was away left. */
  logKeysSweepMs: 60_000,
  /** Keys that a vault refuses: so many are remembered, and named in the log. */
  logKeysRefusedMax: 1_000,
  /** A finished log whose key did not move for so long is said on the status page. */
  logKeysLateMinutes: 10,
  /** A signed request is refused this far from our clock, and its `jti` remembered as long. */
  requestSkewMs: 60_000,
  rememberedRequestsMax: 200_000,
  rememberedGiveBacksMax: 10_000,

  /** Of one question about health; the whole answer takes about as long. */
  healthMs: 3_000,
  /** Below `full` nothing new can be relied on to be kept; `scarce` is said before, at most this share of a disk. */
  disk: { fullBytes: 64 * 1024 * 1024, scarceBytes: 2 * 1024 ** 3, scarceShare: 0.1 },
  clock: { jumpMs: 2_000, lookEveryMs: 5_000, tellForMs: 60 * 60_000 },
  /** How long a program that was started again is called restless. */
  restlessMs: 10 * 60_000,
  /** Metrics and traces: read after the fact, from what is stored. */
  telemetry: {
    lookEveryMs: 2_000,
    changedRunsMax: 10_000,
    toldRunsMax: 1_000,
    attemptsPerRunMax: 5_000,
    stepsPerRunMax: 20_000,
    scrapeMs: 10_000,
    scrapersMax: 16,
    /** Spans in one request to the collector. */
    spansPerRequest: 500,
    exportMs: 10_000,
    /** From one look at what was not delivered to the next. */
    retryEveryMs: 30_000,
    /** What ended longer ago is not sent any more. */
    traceForMs: 24 * 60 * 60_000,
    tracesAtOnce: 50,
  },
  queueStaleMs: 10 * 60_000,
  backupOldMs: 8 * 24 * 60 * 60_000,
  backupsListed: 100,

  /** When no notice came: how often held polls and followers look again. */
  /** Remembered in one process; further ones are looked up. */
  grantedLeasesMax: 10_000,
  /** A job waits so long for its serial group, then it is cancelled. */
  lockWaitMaxMs: 5 * 3_600_000,
  /** Locks given or refused in one go; the rest waits for the next look. */
  locksGivenAtOnceMax: 1_000,
  safetyNetMs: 5_000,
  /** Batches read at once by a follower; one is at most 4 MiB. */
  logBatchesPerPage: 4,
  /** Compressed; brought into the browser's form at once. */
  smallFrameBytes: 512,
  /** What comes out of zlib in smaller pieces goes to its thread and back for each of them. */
  inflatePieceBytes: 512 * 1024,
  deflatePieceBytes: 128 * 1024,
  /** Sealed frames of one watched log that are kept for its followers here: some requests, so that a log at full speed is not read back. */
  freshFramesBytesPerLog: 4 * 1024 * 1024,
  /** Of all logs. */
  freshFramesBytes: 16 * 1024 * 1024,
  /** Opened at once for a follower. */
  freshPageBytes: 256 * 1024,
  freshLogsMax: 128,
  /** Runs that are told of without reading them, and how long at most. */
  justBegunMax: 64,
  justBegunMs: 2_000,
  /** Frames whose headers are read for one look at what is in a live log; a reader asks on from there. */
  logIndexFrames: 20_000,
  /** Sealed bytes of small frames that are told as one chunk: some 1 MiB of text. */
  logIndexChunkBytes: 128 * 1024,
  firstFailuresKept: 1_000,
  /** Of a log, half of its beginning and half of its end, when somebody wants to know what is in it. */
  logScanBytes: 64 * 1024 * 1024,
  /** A search in the logs of a job: its text in all, its time, its thread, and how many go on at once in this process. */
  logSearch: {
    bytesMax: 256 * 1024 * 1024,
    ms: 10_000,
    heapMiB: 128,
    /** That are shown; the others are counted. */
    linesPerAttempt: 100,
    attemptsMax: 50,
    gate: { atOnce: 2, waiting: 8 },
  },
  annotationsPerAttemptMax: 100,
  /** Finished logs whose annotations a server remembers. */
  annotationsKept: 100,
  condensedTailLines: 80,
  condensedErrorsMax: 12,
  condensedLineMax: 500,
  logPagesCachedBytes: 16 * 1024 * 1024,
  logKeysCached: 1_000,
} as const

/** Days. */
export type Retention = Readonly<Record<keyof typeof limits.retentionDays, number>>
