// Routes of attempts and their logs: thin calls of the use cases in server/use-cases.ts.
import { fault } from '../../../base/faults.ts'
import type { AttemptId } from '../../../base/ids.ts'
import type { FrameCodec } from '../../../protocol/frames.ts'
import { type Actor, readerOf } from '../../access/actor.ts'
import type { LogReader, Logs, Runs } from '../../use-cases.ts'
import type { Handlers } from '../binder.ts'
import { limits } from '../limits.ts'
import { downloadLog, type LogFormat } from '../log-download.ts'
import { found, idOf } from './found.ts'

type LogRoutes = 'attempt' | 'attemptUsage' | 'attemptLog' | 'attemptLogIndex'

export const logHandlers = ({
  runs,
  logs,
}: {
  readonly runs: Runs
  readonly logs: Logs
}): Pick<Handlers, LogRoutes> => ({
  attempt: async ({ actor, params }) =>
    found(await runs.findAttempt(actor.scope, idOf('attempt', params.attempt))),
  attemptUsage: async ({ actor, params }) =>
    found(await runs.findUsage(actor.scope, idOf('attempt', params.attempt))),
  attemptLog: async ({ actor, params, query, signal }) => {
    const attempt = idOf('attempt', params.attempt)
    // Looked up first: once bytes flow, a 404 cannot be said any more.
    found(await runs.findAttempt(actor.scope, attempt))
    const isOfLines = query.from !== undefined || query.to !== undefined
    if (isOfLines && (query.step === undefined || query.format === 'frames' || query.follow === '1'))
      throw fault('E_INPUT', {
        public: 'Lines are counted per step: give step, as text or ndjson, without follow',
      })
    return downloadLog(query.format, framesFor(logs, { actor, attempt, signal, ...query }), query)
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

const framesFor = (
  logs: Logs,
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
  const signal = AbortSignal.any([ask.signal, AbortSignal.timeout(limits.logDownloadMs)])
  return logs.follow(ask.actor.scope, ask.attempt, { ...options, signal })
}

/** The frames that hold these lines; what comes before and after them inside is cut off by whoever writes them down. */
const framesOfLines = async function* (
  logs: Logs,
  { actor, attempt, from = 1, to = Number.POSITIVE_INFINITY, step }: Parameters<typeof framesFor>[1],
  options: { readonly after: number; readonly reader: LogReader; readonly codec: FrameCodec },
) {
  const { chunks } = await logs.readIndex(actor.scope, attempt, options)
  const wanted = chunks.filter(
    (chunk) => chunk.step === step && chunk.firstLine <= to && chunk.firstLine + chunk.lines >= from,
  )
  const [first, last] = [wanted.at(0), wanted.at(-1)]
  if (first === undefined || last === undefined) return
  yield* logs.readFrames(actor.scope, attempt, {
    ...{ reader: options.reader, codec: options.codec, step },
    ...{ after: first.seqFrom - 1, until: last.seqTo },
  })
}
