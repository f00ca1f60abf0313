// The log of an attempt for people: what is stored, and then what comes, in the order it was written. Called by
// server/live, by downloads and by whoever shows a part. The key comes from the vault for a named reader; rows and objects hold sealed bytes only.
import { Readable } from 'node:stream'
import { fault } from '../../base/faults.ts'
import type { AttemptId, JobId } from '../../base/ids.ts'
import type { FrameCodec } from '../../protocol/frames.ts'
import type { FollowerFrame } from '../../protocol/live.ts'
import type { GcmOpen } from '../../seal/index.ts'
import { createGcm } from '../../sys/index.ts'
import type { Scope } from '../access/actor.ts'
import { type Bells, createBells } from '../db/bells.ts'
import type { Database } from '../db/database.ts'
import { limits } from '../limits.ts'
import type {
  CondensedStep,
  LogAnnotations,
  LogIndex,
  LogReader,
  LogSearch,
  LogSearchAsked,
  Logs,
} from '../log-use-cases.ts'
import type { ObjectStore } from '../objects/store.ts'
import type { JustBegun } from '../runs/just-begun.ts'
import { expiredFault } from '../stored/expired.ts'
import type { VaultClient } from '../vault-client.ts'
import { createAnnotations } from './annotations.ts'
import { condenseSteps } from './condensed.ts'
import { findLog, type Log, unwrittenLog } from './find.ts'
import { createFirstFailures } from './first-failure.ts'
import type { FreshFrames } from './fresh-frames.ts'
import { createLogKeys, type LogKeys } from './keys.ts'
import { openLogBytes } from './log-bytes.ts'
import { readFailureLine, readLogIndex } from './log-index.ts'
import { readLogTexts, type StepText } from './log-texts.ts'
import { readPackedFrames } from './packed-frames.ts'
import { searchJob } from './search.ts'
import { createSearcher, type Searcher } from './searcher.ts'
import { createStoredFrames, readStoredRange, type StoredFrames } from './stored-frames.ts'
import type { Watchers } from './watchers.ts'

export type LogsDeps = {
  readonly database: Database
  readonly vault: VaultClient
  readonly objects: ObjectStore
  readonly watchers: Watchers
  readonly fresh: FreshFrames
  /** What was begun a moment ago and has no log yet is followed without a look at the tables. */
  readonly justBegun: Pick<JustBegun, 'ownerOf'>
  /** The program that looks through text (main/log-search.ts). */
  readonly logSearch: string
}

type Parts = LogsDeps & {
  readonly keys: LogKeys
  readonly stored: StoredFrames
  readonly bells: Bells
  readonly failures: ReturnType<typeof createFirstFailures>
  readonly noted: ReturnType<typeof createAnnotations>
  readonly searcher: Searcher
}
type Reading = {
  readonly scope: Scope
  readonly attempt: AttemptId
  readonly after: number
  readonly until?: number | undefined
  readonly reader: LogReader
  readonly step?: number | undefined
  readonly codec: FrameCodec
}

export const createLogs = (deps: LogsDeps): Logs => {
  const parts: Parts = {
    ...deps,
    keys: createLogKeys(deps.vault),
    stored: createStoredFrames(deps.database.keyed, deps.fresh),
    bells: createBells(deps.database, 'mayfly_log'),
    failures: createFirstFailures(),
    noted: createAnnotations(),
    searcher: createSearcher(deps.logSearch),
  }
  return {
    readFrames: (scope, attempt, { codec = browsers, ...options }) =>
      options.until === undefined
        ? readAll(parts, { scope, attempt, codec, ...options }, null)
        : readRange(parts, { scope, attempt, codec, ...options, until: options.until }),
    readIndex: (scope, attempt, options) => readIndex(parts, { scope, attempt, ...options }),
    annotations: (scope, attempt, reader) => readAnnotations(parts, { scope, attempt, reader }),
    openBytes: async (scope, attempt, options) => {
      const { log, key } = await logOf(parts, { scope, attempt, ...options })
      return key === null ? null : openLogBytes(parts.objects, { log, key }, options.step)
    },
    search: (scope, job, asked) => search(parts, { scope, job }, asked),
    failureLine: async (scope, attempt, options) => {
      const { log, key } = await logOf(parts, { scope, attempt, ...options })
      return key === null ? null : readFailureLine({ ...parts, db: parts.database.db }, { log, key }, options)
    },
    condense: (scope, attempt, options) => condense(parts, { scope, attempt, ...options }),
    follow: (scope, attempt, { signal, codec = browsers, ...options }) =>
      follow(parts, { scope, attempt, codec, ...options }, signal),
  }
}

/** What all of them open. */
const browsers: FrameCodec = 'deflate-raw'

const logOf = async (
  { database: { keyed }, keys }: Parts,
  { scope, attempt, reader }: Pick<Reading, 'scope' | 'attempt' | 'reader'>,
): Promise<{ readonly log: Log; readonly key: Uint8Array | null }> => {
  const log = await findLog(keyed, scope, attempt)
  if (log === null) throw fault('E_NOT_FOUND', { public: 'No such attempt' })
  requireKept(log)
  return { log, key: await keys.open(log, reader) }
}

const requireKept = ({ removedAt, days }: Log): void => {
  if (removedAt !== null && days !== null) throw expiredFault({ kind: 'log', removedAt, days })
}

const readIndex = async (
  parts: Parts,
  reading: Asked & Parameters<Logs['readIndex']>[2],
): Promise<LogIndex> => {
  const { log, key } = await logOf(parts, reading)
  const { isComplete, lastSeq } = log
  if (key === null) return { isComplete, lastSeq, chunks: [], firstFailure: null }
  return readLogIndex({ ...parts, db: parts.database.db }, { log, key }, reading)
}

type Asked = Pick<Reading, 'scope' | 'attempt' | 'reader'>

const textsOf = (
  { database, objects }: Parts,
  { log, key }: { readonly log: Log; readonly key: Uint8Array | null },
  onLeftOut: () => void = () => undefined,
  bytesMax: number = limits.logScanBytes,
): AsyncIterable<StepText> =>
  key === null
    ? Readable.from([])
    : readLogTexts({ db: database.db, objects }, { log, key }, { bytesMax, onLeftOut })

const search = (
  parts: Parts,
  of: { readonly scope: Scope; readonly job: JobId },
  asked: LogSearchAsked,
): Promise<LogSearch> => {
  const texts: Parameters<typeof searchJob>[0]['texts'] = async (attempt, { bytesMax, onLeftOut }) =>
    textsOf(parts, await logOf(parts, { ...of, ...asked, attempt }), onLeftOut, bytesMax)
  return searchJob({ db: parts.database.db, searcher: parts.searcher, texts }, of, asked)
}

const readAnnotations = async (parts: Parts, asked: Asked): Promise<LogAnnotations> => {
  const opened = await logOf(parts, asked)
  const { attempt, isComplete } = opened.log
  return parts.noted.find({ attempt, isComplete }, (onLeftOut) => textsOf(parts, opened, onLeftOut))
}

const condense = async (
  parts: Parts,
  asked: Asked & { readonly steps: readonly number[]; readonly bytesMax: number },
): Promise<readonly CondensedStep[]> =>
  condenseSteps(asked.steps, textsOf(parts, await logOf(parts, asked)), asked.bytesMax)

/** What is stored between two frames. Whoever asks has seen the index, so a finished log is read as that told of it. */
const readRange = async function* (
  parts: Parts,
  reading: Reading & { readonly until: number },
): AsyncGenerator<FollowerFrame> {
  const { log, key } = await logOf(parts, reading)
  if (key === null) return
  if (log.packed !== null) return yield* readPacked(parts, reading, { log, key })
  const range = { ...reading, key: createGcm(key).open }
  for await (const frame of readStoredRange(parts.database.db, reading.attempt, range))
    if (reading.step === undefined || frame.step === reading.step) yield frame
}

const follow = async function* (
  parts: Parts,
  reading: Reading,
  signal: AbortSignal,
): AsyncGenerator<FollowerFrame> {
  const stopWatching = parts.watchers.watch(reading.attempt)
  try {
    yield* readAll(parts, reading, signal)
  } finally {
    stopWatching()
  }
}

/** Without a signal it ends where the stored frames end. */
const readAll = async function* (
  parts: Parts,
  reading: Reading,
  signal: AbortSignal | null,
): AsyncGenerator<FollowerFrame> {
  const bell = parts.bells.arm((payload) => payload === reading.attempt)
  try {
    const start = await open(parts, reading, { bell, signal })
    if (start === null) return
    const { log, key } = start
    if (await isOnlyPacked(parts, reading, start)) yield* readPacked(parts, reading, { log, key })
    else yield* readStored(parts, reading, { key: createGcm(key).open, bell, signal })
  } finally {
    bell.disarm()
  }
}

type Bell = ReturnType<Bells['arm']>
type Waiting = { readonly bell: Bell; readonly signal: AbortSignal | null }
type Start = { readonly log: Log; readonly key: Uint8Array }

/** Waits for the first frame, which brings the key. null: there is nothing to read, or not any more. */
const open = async (
  { database: { keyed }, keys, fresh, justBegun }: Parts,
  reading: Reading,
  { bell, signal }: Waiting,
): Promise<Start | null> => {
  for (;;) {
    const { scope, attempt } = reading
    const owner = justBegun.ownerOf(scope, attempt)
    const found = owner ? unwrittenLog(attempt, owner) : await findLog(keyed, scope, attempt)
    if (found === null) throw fault('E_NOT_FOUND', { public: 'No such attempt' })
    requireKept(found)
    const start = await withKey(keys, reading, found)
    if (start !== null) return start
    if (found.isComplete || signal === null || signal.aborted) return null
    const sealedKey = await firstKey({ keys, fresh }, reading, found, { bell, signal })
    if (sealedKey !== null) return withKey(keys, reading, { ...found, sealedKey })
  }
}

/** Of the first frame that this process stores; null: the tables know more. A key that is announced is opened meanwhile. */
const firstKey = async (
  { keys, fresh }: Pick<Parts, 'keys' | 'fresh'>,
  { attempt, reader }: Pick<Reading, 'attempt' | 'reader'>,
  log: Log,
  { bell, signal }: { readonly bell: Bell; readonly signal: AbortSignal },
): Promise<Uint8Array | null> => {
  const announced = fresh.announcedKey(attempt)
  // Who needs it asks again, and is told then what went wrong.
  if (announced !== null) keys.open({ ...log, sealedKey: announced }, reader).catch(() => undefined)
  await bell.wait(limits.safetyNetMs, signal)
  const key = fresh.keyOf(attempt)
  const isAnnounced = key === null && announced === null && fresh.announcedKey(attempt) !== null
  return isAnnounced ? firstKey({ keys, fresh }, { attempt, reader }, log, { bell, signal }) : key
}

const withKey = async (keys: LogKeys, { reader }: Reading, log: Log): Promise<Start | null> => {
  const key = await keys.open(log, reader)
  return key === null ? null : { log, key }
}

/** A finished log is read from its object; who has read part of it while it ran goes on in its rows while they last. */
const isOnlyPacked = async (
  { database: { db } }: Parts,
  { attempt, after }: Reading,
  { log }: Start,
): Promise<boolean> => {
  if (!log.isComplete || log.packed === null) return false
  if (after === 0) return true
  const row = await db
    .selectFrom('log_frames')
    .select('seq_from')
    .where('attempt_id', '=', attempt)
    .where('seq_to', '>', after)
    .limit(1)
    .executeTakeFirst()
  return row === undefined && log.lastSeq > after
}

const readPacked = async function* (
  { objects }: Parts,
  wanted: Reading,
  { log: { attempt, packed }, key }: Start,
): AsyncGenerator<FollowerFrame> {
  if (packed !== null) yield* readPackedFrames(objects, { attempt, packed, key }, wanted)
}

const readStored = async function* (
  { stored }: Parts,
  reading: Reading,
  { key, bell, signal }: Waiting & { readonly key: GcmOpen },
): AsyncGenerator<FollowerFrame> {
  let { after } = reading
  // Nothing that was under way before this reader came may tell it that there is no news.
  let since = stored.mark()
  while (!signal?.aborted) {
    const page = await stored.pageAfter(reading.attempt, { after, key, since, codec: reading.codec })
    for (const frame of page.frames) {
      after = frame.seq
      if (reading.step === undefined || frame.step === reading.step) yield frame
    }
    if (page.isEnd || (page.frames.length === 0 && signal === null)) return
    if ((page.frames.length > 0 && !page.isNewest) || signal === null) continue
    await bell.wait(limits.safetyNetMs, signal)
    since = stored.mark()
  }
}
