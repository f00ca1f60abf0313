// Routes of attempts and their logs: thin calls of the use cases in server/use-cases.ts.
import { fault, isFault } from '../../../base/faults.ts'
import type { AttemptId } from '../../../base/ids.ts'
import type {
  ApiFailureLine,
  AttemptAnnotations,
  CondensedLog,
  JobAnnotations,
} from '../../../protocol/api/annotations.ts'
import type { LogSearchAnswer } from '../../../protocol/api/log-search.ts'
import type { Attempt, Job } from '../../../protocol/api/shapes.ts'
import type { FrameCodec } from '../../../protocol/frames.ts'
import { isRed } from '../../../protocol/plan.ts'
import { type Actor, readerOf } from '../../access/actor.ts'
import type { Live } from '../../live/live.ts'
import type { LogAnnotations, LogReader, LogSearch, Logs } from '../../log-use-cases.ts'
import { expiredFault } from '../../stored/expired.ts'
import type { Runs } from '../../use-cases.ts'
import type { Handlers } from '../binder.ts'
import { limits } from '../limits.ts'
import { downloadBytes, downloadLog, type LogFormat } from '../log-download.ts'
import { pageOf } from '../paging.ts'
import { found, idOf } from './found.ts'

type LogRoutes =
  | 'attempt'
  | 'attemptPin'
  | 'attemptUnpin'
  | 'attemptUsage'
  | 'attemptAnnotations'
  | 'runAnnotations'
  | 'attemptLogCondensed'
  | 'attemptLogFailure'
  | 'attemptLog'
  | 'attemptLogIndex'
  | 'jobLogSearch'

export const logHandlers = ({
  runs,
  logs,
  live,
}: {
  readonly runs: Runs
  readonly logs: Logs
  readonly live: Pick<Live, 'standing'>
}): Pick<Handlers, LogRoutes> => ({
  attempt: async ({ actor, params }) =>
    found(await runs.findAttempt(actor.scope, idOf('attempt', params.attempt))),
  attemptPin: ({ actor, params, body }) => runs.pinError(actor, idOf('attempt', params.attempt), body),
  attemptUnpin: ({ actor, params }) => runs.pinError(actor, idOf('attempt', params.attempt), null),
  attemptUsage: async ({ actor, params }) =>
    found(await runs.findUsage(actor.scope, idOf('attempt', params.attempt))),
  attemptLog: async ({ actor, params, query, part, signal }) => {
    const attempt = idOf('attempt', params.attempt)
    // Looked up first: once bytes flow, a 404 cannot be said any more.
    const { number, steps, log_expired: expired } = found(await runs.findAttempt(actor.scope, attempt))
    if (expired !== null)
      throw expiredFault({ kind: 'log', days: expired.days, removedAt: new Date(expired.removed_at) })
    const isOfLines = query.from !== undefined || query.to !== undefined
    if (isOfLines && (query.step === undefined || query.format === 'frames' || query.follow === '1'))
      throw fault('E_INPUT', {
        public: 'Lines are counted per step: give step, in another format than frames, without follow',
      })
    if (hasLength(query)) {
      const reader = readerOf(actor, 'download')
      const bytes = await logs.openBytes(actor.scope, attempt, { reader, step: query.step })
      if (bytes !== null) return downloadBytes(bytes, part)
    }
    const nameOf = nameIn(steps)
    return downloadLog(query.format, framesFor({ logs, live }, { actor, attempt, signal, ...query }), {
      ...{ from: query.from, to: query.to, words: { title: `Log of attempt ${number}`, nameOf } },
      isLive: query.follow === '1',
    })
  },
  attemptAnnotations: async ({ actor, params }) => {
    const attempt = idOf('attempt', params.attempt)
    found(await runs.findAttempt(actor.scope, attempt))
    return annotationsOf(await logs.annotations(actor.scope, attempt, readerOf(actor, 'view')))
  },
  runAnnotations: async ({ actor, params, query }) => {
    const run = found(await runs.findRun(actor.scope, idOf('run', params.run)))
    const limit = Math.min(query.limit, limits.annotatedJobsMax)
    const page = pageOf(withFailedFirst(run.jobs), { ...query, limit }, ({ id }) => id)
    const items: JobAnnotations[] = []
    // One after another: each is read whole.
    for (const job of page.items) {
      const newest = job.attempts.at(-1)
      if (newest === undefined) continue
      const { id, name, shard, shards } = job
      const attempt = { id: newest.id, number: newest.number }
      const reader = readerOf(actor, 'view')
      const noted = await logs
        .annotations(actor.scope, idOf('attempt', newest.id), reader)
        .catch(nothingOfExpired)
      if (noted === null) continue
      if (noted.items.length + noted.credentials.count > 0 || noted.isPartial)
        items.push({ job: { id, name, shard, shards }, attempt, ...annotationsOf(noted) })
    }
    return { items, next_cursor: page.next_cursor }
  },
  attemptLogFailure: ({ actor, params }) => failureOf({ runs, logs, actor }, idOf('attempt', params.attempt)),
  attemptLogCondensed: async ({ actor, params, query }) => {
    const id = idOf('attempt', params.attempt)
    const attempt = found(await runs.findAttempt(actor.scope, id))
    return condensedLog({ logs, actor }, attempt, query.max_bytes)
  },
  jobLogSearch: async ({ actor, params, query, signal }) => {
    const { q: text, regex, case: matchCase, attempts, except } = query
    const job = idOf('job', params.job)
    const found = await logs.search(actor.scope, job, {
      ...{ attempts, except, signal, reader: readerOf(actor, 'view') },
      query: { text, isRegex: regex === '1', matchCase: matchCase === '1' },
    })
    return { job_id: job, ...searchOf(found) }
  },
  attemptLogIndex: async ({ actor, params, query }) => {
    const attempt = idOf('attempt', params.attempt)
    found(await runs.findAttempt(actor.scope, attempt))
    const options = { after: query.after, reader: readerOf(actor, 'download'), failureIn: query.failure_in }
    const index = await logs.readIndex(actor.scope, attempt, options)
    return {
      complete: index.isComplete,
      last_seq: index.lastSeq,
      first_failure: index.firstFailure,
      chunks: index.chunks.map(({ firstLine, seqFrom, seqTo, tMs, ...chunk }) => ({
        ...{ ...chunk, first_line: firstLine, seq_from: seqFrom, seq_to: seqTo, t_ms: tMs },
      })),
    }
  },
})

const nameIn = (steps: Attempt['steps']) => (index: number) =>
  steps.find((step) => step.index === index)?.name ?? beforeSteps

const beforeSteps = 'Before the steps'

/** All of it, or all of a step, as it was written. */
const hasLength = (query: {
  readonly format: LogFormat
  readonly after: number
  readonly until?: number | undefined
  readonly from?: number | undefined
  readonly to?: number | undefined
}): boolean =>
  query.format === 'ansi' &&
  query.after === 0 &&
  [query.until, query.from, query.to].every((end) => end === undefined)

type Sources = { readonly logs: Logs; readonly live: Pick<Live, 'standing'> }

const framesFor = (
  { logs, live }: Sources,
  ask: {
    readonly actor: Actor
    readonly attempt: AttemptId
    readonly signal: AbortSignal
    readonly after: number
    readonly until?: number | undefined
    readonly step?: number | undefined
    readonly from?: number | undefined
    readonly to?: number | undefined
    readonly follow: '0' | '1'
    readonly format: LogFormat
  },
) => {
  const options = {
    after: ask.after,
    until: ask.until,
    step: ask.step,
    reader: readerOf(ask.actor, 'download'),
    // Frames are for browsers; text is made of them here.
    codec: ask.format === 'frames' ? ('deflate-raw' as const) : ('zstd' as const),
  }
  if (ask.from !== undefined || ask.to !== undefined) return framesOfLines(logs, ask, options)
  if (ask.follow === '0') return logs.readFrames(ask.actor.scope, ask.attempt, options)
  return followed({ logs, live }, ask, options)
}

/** No longer than the session or token: who is cut off sees that this was not all. */
const followed = async function* (
  { logs, live }: Sources,
  { actor, attempt, signal }: Pick<Parameters<typeof framesFor>[1], 'actor' | 'attempt' | 'signal'>,
  options: Omit<Parameters<Logs['follow']>[2], 'signal'>,
) {
  const standing = live.standing(actor, 'log.read')
  const ends = [signal, standing.signal, AbortSignal.timeout(limits.logDownloadMs)]
  try {
    yield* logs.follow(actor.scope, attempt, { ...options, signal: AbortSignal.any(ends) })
    if (standing.signal.aborted) throw fault('E_UNAUTHENTICATED')
  } finally {
    standing.leave()
  }
}

/** The frames that hold these lines; what comes before and after them inside is cut off by whoever writes them down. */
const framesOfLines = async function* (
  logs: Logs,
  { actor, attempt, from = 1, to = Number.POSITIVE_INFINITY, step }: Parameters<typeof framesFor>[1],
  options: { readonly reader: LogReader; readonly codec: FrameCodec },
) {
  const { reader } = options
  const { chunks } = await logs.readIndex(actor.scope, attempt, { after: 'whole', reader })
  const wanted = chunks.filter(
    (chunk) => chunk.step === step && chunk.firstLine <= to && chunk.firstLine + chunk.lines >= from,
  )
  const [first, last] = [wanted.at(0), wanted.at(-1)]
  if (first === undefined || last === undefined) return
  yield* logs.readFrames(actor.scope, attempt, {
    ...{ reader, codec: options.codec, step },
    ...{ after: first.seqFrom - 1, until: last.seqTo },
  })
}

const withFailedFirst = (jobs: readonly Job[]): readonly Job[] =>
  jobs
    .filter(({ attempts }) => attempts.length > 0)
    .toSorted((a, b) => Number(isRed(b.status)) - Number(isRed(a.status)))

const annotationsOf = ({ items, counts, credentials, isPartial }: LogAnnotations): AttemptAnnotations => ({
  items: items.map(({ at, level, message, title, file, line, column, step }) => ({
    ...{ level, message, title, file, line, column, step, log_line: at },
  })),
  counts,
  credentials: {
    items: credentials.items.map(({ kind, step, at }) => ({ kind, step, log_line: at })),
    count: credentials.count,
  },
  partial: isPartial,
})

const failureOf = async (
  { runs, logs, actor }: { readonly runs: Runs; readonly logs: Logs; readonly actor: Actor },
  id: AttemptId,
): Promise<ApiFailureLine> => {
  const { pinned, steps } = found(await runs.findAttempt(actor.scope, id))
  const step =
    pinned === null
      ? steps.find(({ status }) => isRed(status))
      : (steps.find(({ index }) => index === pinned.step) ?? { index: pinned.step, name: beforeSteps })
  if (step === undefined) return { attempt_id: id, untrusted: null }
  const { index, name } = step
  const options = { reader: readerOf(actor, 'view'), step: index, pinned: pinned?.line ?? null }
  const line = await logs.failureLine(actor.scope, id, options).catch(nothingOfExpired)
  return { attempt_id: id, untrusted: line && { step: { index, name }, ...line } }
}

const condensedLog = async (
  { logs, actor }: { readonly logs: Logs; readonly actor: Actor },
  attempt: Attempt,
  bytesMax: number,
): Promise<CondensedLog> => {
  const reader = readerOf(actor, 'view')
  const failed = attempt.steps.filter(({ status }) => isRed(status)).slice(0, condensedStepsMax)
  const chosen = failed.length > 0 ? failed : attempt.steps.slice(-1)
  // What is said before the steps is step 0: all there is of an attempt that came to none.
  const steps = chosen.length > 0 ? chosen.map(({ index }) => index) : [0]
  const id = idOf('attempt', attempt.id)
  const texts = await logs.condense(actor.scope, id, { reader, steps, bytesMax })
  const noted = await logs.annotations(actor.scope, id, reader)
  return {
    ...{ attempt_id: attempt.id, status: attempt.status, failure: attempt.failure },
    untrusted: {
      steps: texts.map(({ step: index, lines, errors, tail }) => {
        const step = attempt.steps.find((one) => one.index === index)
        return {
          ...{ index, name: step?.name ?? '', status: step?.status ?? attempt.status },
          ...{ exit_code: step?.exit_code ?? null, message: step?.message ?? null },
          ...{ lines, errors: [...errors], tail: [...tail] },
        }
      }),
      annotations: annotationsOf(noted).items.slice(0, condensedAnnotationsMax),
    },
  }
}

/** A log that retention removed says nothing; those of the other jobs do. */
const nothingOfExpired = (error: unknown): null => {
  if (isFault(error, 'E_EXPIRED')) return null
  throw error
}

const searchOf = ({ attempts, stopped }: LogSearch): Omit<LogSearchAnswer, 'job_id'> => ({
  attempts: attempts.map(({ id, number, status, count, isWhole, isExpired, lines }) => ({
    ...{ attempt: { id, number, status }, count, whole: isWhole, expired: isExpired },
    lines: lines.map(({ step: index, stepName: name, line, text, from, to }) => ({
      ...{ step: { index, name }, line, text, from, to },
    })),
  })),
  stopped,
})

const condensedStepsMax = 5
const condensedAnnotationsMax = 20
