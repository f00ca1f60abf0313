// What routes and live topics may ask of stored logs: the part of the seam of use-cases.ts that createLogs makes.
// A log is opened by the vault for one named reader; what is not in the scope is fault E_NOT_FOUND.
import type { AttemptId, JobId } from '../base/ids.ts'
import type { Annotation, AnnotationLevel } from '../protocol/annotations.ts'
import type * as api from '../protocol/api/shapes.ts'
import type { CredentialKind } from '../protocol/credentials.ts'
import type { FrameCodec } from '../protocol/frames.ts'
import type { FollowerFrame } from '../protocol/live.ts'
import type { Query } from '../protocol/terminal/search.ts'
import type { FoundLine } from '../protocol/terminal/text-search.ts'
import type { Scope } from './access/actor.ts'

/** Whom the vault's record names as the reader of a log. */
export type LogReader = { readonly user: string; readonly session: string; readonly reason: string }

/** A part of a log that is fetched as one: lines `firstLine` … of a step, in frames `seqFrom` … `seqTo` (there may be others between). */
export type LogChunk = {
  readonly step: number
  readonly firstLine: number
  /** Line ends inside. */
  readonly lines: number
  readonly seqFrom: number
  readonly seqTo: number
  readonly tMs: number
  /** As it is stored: what fetching it costs, about. */
  readonly bytes: number
}

export type LogIndex = {
  /** No further frame will come. */
  readonly isComplete: boolean
  readonly lastSeq: number
  readonly chunks: readonly LogChunk[]
  /** Of the step that was asked about; null also when nobody asked. */
  readonly firstFailure: number | null
}

export type LogAnnotation = Annotation & {
  readonly step: number
  /** Its line in the log of that step. */
  readonly at: number
}
export type SuspectPlace = { readonly kind: CredentialKind; readonly step: number; readonly at: number }
export type LogAnnotations = {
  readonly items: readonly LogAnnotation[]
  /** Also of those that there was no room for. */
  readonly counts: Readonly<Record<AnnotationLevel, number>>
  /** Lines with what looks like a credential: where, not what. */
  readonly credentials: { readonly items: readonly SuspectPlace[]; readonly count: number }
  /** Part of the log was not looked at. */
  readonly isPartial: boolean
}
/** `pinned`: somebody marked it; `words`: the first that speaks of a failure; `end`: none does, it is the last. */
export type FailureLine = {
  readonly line: number
  readonly text: string
  readonly why: 'pinned' | 'words' | 'end'
}
export type CondensedLine = { readonly line: number; readonly text: string }
export type CondensedStep = {
  readonly step: number
  readonly lines: number
  /** Those that speak of a failure, of what is not in `tail`. */
  readonly errors: readonly CondensedLine[]
  readonly tail: readonly CondensedLine[]
}

/** A finished log as it was written, whose length is known: any part of it, again and again the same. */
export type LogBytes = {
  readonly total: number
  readonly etag: string
  /** Both included. */
  readonly read: (first: number, last: number) => AsyncIterable<Uint8Array>
}

export type LogSearchAsked = {
  readonly query: Query
  readonly attempts: 'newest' | 'all'
  /** By its number. */
  readonly except?: number | undefined
  readonly reader: LogReader
  readonly signal: AbortSignal
}
export type AttemptSearch = {
  readonly id: AttemptId
  readonly number: number
  readonly status: api.Attempt['status']
  readonly count: number
  readonly isWhole: boolean
  /** Retention removed its log. */
  readonly isExpired: boolean
  readonly lines: readonly (FoundLine & { readonly stepName: string })[]
}
export type LogSearch = {
  readonly attempts: readonly AttemptSearch[]
  /** The bound that ended it; null: all was looked at. */
  readonly stopped: 'time' | 'memory' | 'bytes' | 'attempts' | null
}

export type Logs = {
  /** In the logs of a job, the newest first, in bounded time and memory. */
  readonly search: (scope: Scope, job: JobId, asked: LogSearchAsked) => Promise<LogSearch>
  /** What lines say of files, found while the log is open for this reader. */
  readonly annotations: (scope: Scope, attempt: AttemptId, reader: LogReader) => Promise<LogAnnotations>
  /** Of a step of a log that grows no more; null: it says nothing, or it still grows. */
  readonly failureLine: (
    scope: Scope,
    attempt: AttemptId,
    options: { readonly reader: LogReader; readonly step: number; readonly pinned: number | null },
  ) => Promise<FailureLine | null>
  /** Of these steps what tells why they failed, in so many bytes. */
  readonly condense: (
    scope: Scope,
    attempt: AttemptId,
    options: { readonly reader: LogReader; readonly steps: readonly number[]; readonly bytesMax: number },
  ) => Promise<readonly CondensedStep[]>
  /**
   * Frames above `after` that are stored now, with `until` none above it and not more than those are read; the vault opens the
   * key once per attempt and process.
   */
  readonly readFrames: (
    scope: Scope,
    attempt: AttemptId,
    options: {
      readonly after: number
      readonly until?: number | undefined
      readonly reader: LogReader
      readonly step?: number | undefined
      /** That the reader takes; default deflate-raw. Who takes zstd gets frames as they are stored. */
      readonly codec?: FrameCodec | undefined
    },
  ) => AsyncIterable<FollowerFrame>
  /**
   * What is in the log above `after`, without reading it: the beginning of that, while many frames are not packed; 'whole': all of it, from
   * its beginning. With `failureIn` also where that step first speaks of a failure.
   */
  readonly readIndex: (
    scope: Scope,
    attempt: AttemptId,
    options: {
      readonly after: number | 'whole'
      readonly reader: LogReader
      readonly failureIn?: number | undefined
    },
  ) => Promise<LogIndex>
  /** null while it grows, and until it is packed: nobody knows its length. */
  readonly openBytes: (
    scope: Scope,
    attempt: AttemptId,
    options: { readonly reader: LogReader; readonly step?: number | undefined },
  ) => Promise<LogBytes | null>
  /** As readFrames, then waits for more until the log is complete or the signal aborts. */
  readonly follow: (
    scope: Scope,
    attempt: AttemptId,
    options: {
      readonly after: number
      readonly reader: LogReader
      readonly step?: number | undefined
      readonly codec?: FrameCodec | undefined
      readonly signal: AbortSignal
    },
  ) => AsyncIterable<FollowerFrame>
}
