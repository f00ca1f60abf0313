// Looks through logs in a thread that can be ended: what somebody asked for may be a regular expression without an end. One thread
// for each search, some searches at once; who searches has a deadline for all of it, and gets what was found until then.
import { Worker } from 'node:worker_threads'
import { fault } from '../../base/faults.ts'
import type { Query } from '../../protocol/terminal/search.ts'
import type { FromSearch, ToSearch } from '../../protocol/terminal/search-messages.ts'
import type { Found, FoundLine } from '../../protocol/terminal/text-search.ts'
import { createGate } from '../gate.ts'
import { limits } from '../limits.ts'
import type { StepText } from './log-texts.ts'

/** What ended a search before the log did. */
type Ended = 'time' | 'memory'
/** `stopped` is null when all of the log was looked at. */
export type SearchLog = (
  texts: AsyncIterable<StepText>,
) => Promise<Found & { readonly stopped: Ended | null }>
export type Searcher = <T>(
  query: Query,
  options: { readonly signal: AbortSignal },
  work: (search: SearchLog) => Promise<T>,
) => Promise<T>

export const createSearcher = (program: string): Searcher => {
  const admit = createGate(limits.logSearch.gate)
  return (query, { signal }, work) =>
    admit(async () => {
      const until = AbortSignal.any([signal, AbortSignal.timeout(limits.logSearch.ms)])
      const thread = openThread(program, until)
      try {
        const started = await thread.ask({ t: 'query', query, linesMax: limits.logSearch.linesPerAttempt })
        if (started.t === 'query' && !started.isValid)
          throw fault('E_INPUT', { public: 'q: this is no regular expression' })
        return await work((texts) => searchIn(thread, texts))
      } finally {
        await thread.close()
      }
    })
}

type Answer = FromSearch | { readonly t: 'ended'; readonly by: Ended }
/** What is asked of a thread that broke rejects: that is a defect of ours, and no search that met a bound. */
type Thread = { ask(message: ToSearch): Promise<Answer>; close(): Promise<unknown> }

const searchIn = async (thread: Thread, texts: AsyncIterable<StepText>): ReturnType<SearchLog> => {
  let count = 0
  const lines: FoundLine[] = []
  const ask = async (message: ToSearch): Promise<Ended | null> => {
    const answer = await thread.ask(message)
    if (answer.t === 'ended') return answer.by
    if (answer.t !== 'found') throw fault('E_INTERNAL', { detail: `a log search answers ${answer.t}` })
    count += answer.found.count
    lines.push(...answer.found.lines)
    return null
  }
  for await (const { step, firstLine, text } of texts) {
    const stopped = await ask({ t: 'piece', step, firstLine, bytes: text })
    if (stopped !== null) return { count, lines, stopped }
  }
  const stopped = await ask({ t: 'end' })
  return { count, lines, stopped }
}

const openThread = (program: string, signal: AbortSignal): Thread => {
  const worker = new Worker(program, {
    ...{ env: {}, argv: [], execArgv: [], stdin: false, name: 'log-search' },
    resourceLimits: { maxOldGenerationSizeMb: limits.logSearch.heapMiB },
  })
  let waiting: PromiseWithResolvers<Answer> | null = null
  /** Settled once the thread is no more, or no longer wanted. */
  const over = Promise.withResolvers<Answer>()
  // Nobody may be asking at that moment.
  over.promise.catch(() => undefined)
  const onTime = () => over.resolve({ t: 'ended', by: 'time' })
  worker.on('message', (answer: FromSearch) => waiting?.resolve(answer))
  worker.on('error', (cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ERR_WORKER_OUT_OF_MEMORY') over.resolve({ t: 'ended', by: 'memory' })
    else over.reject(fault('E_INTERNAL', { detail: 'the thread that looks through logs broke', cause }))
  })
  worker.on('exit', () =>
    over.reject(fault('E_INTERNAL', { detail: 'the thread that looks through logs ended' })),
  )
  if (signal.aborted) onTime()
  signal.addEventListener('abort', onTime, { once: true })
  return {
    ask: (message) => {
      waiting = Promise.withResolvers()
      worker.postMessage(message)
      return Promise.race([over.promise, waiting.promise])
    },
    close: () => {
      signal.removeEventListener('abort', onTime)
      return worker.terminate()
    },
  }
}
