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

/** `isWhole`: it did not end before the log did. */
export type SearchLog = (texts: AsyncIterable<StepText>) => Promise<Found & { readonly isWhole: boolean }>
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
        // A thread that is not there has searched nothing: that is no search that was too slow.
        if (started === null && !until.aborted)
          throw fault('E_INTERNAL', { detail: 'the thread that looks through logs does not start' })
        if (started?.t === 'query' && !started.isValid)
          throw fault('E_INPUT', { public: 'q: this is no regular expression' })
        return await work((texts) => searchIn(thread, texts))
      } finally {
        await thread.close()
      }
    })
}

type Thread = { ask(message: ToSearch): Promise<FromSearch | null>; close(): Promise<unknown> }

const searchIn = async (
  thread: Thread,
  texts: AsyncIterable<StepText>,
): Promise<Found & { readonly isWhole: boolean }> => {
  let count = 0
  const lines: FoundLine[] = []
  const ask = async (message: ToSearch): Promise<boolean> => {
    const answer = await thread.ask(message)
    if (answer?.t !== 'found') return false
    count += answer.found.count
    lines.push(...answer.found.lines)
    return true
  }
  for await (const { step, firstLine, text } of texts)
    if (!(await ask({ t: 'piece', step, firstLine, bytes: text }))) return { count, lines, isWhole: false }
  const isWhole = await ask({ t: 'end' })
  return { count, lines, isWhole }
}

/** An answer is null once the signal says so, or when the thread is no more. */
const openThread = (program: string, signal: AbortSignal): Thread => {
  const worker = new Worker(program, {
    ...{ env: {}, argv: [], execArgv: [], stdin: false, name: 'log-search' },
    resourceLimits: { maxOldGenerationSizeMb: limits.logSearch.heapMiB },
  })
  let waiting: ((answer: FromSearch | null) => void) | null = null
  let isOver = signal.aborted
  const tell = (answer: FromSearch | null) => {
    waiting?.(answer)
    waiting = null
  }
  const stop = () => {
    isOver = true
    tell(null)
  }
  worker.on('message', tell)
  // Out of memory, most likely: what one gets is what was found until then.
  worker.on('error', stop)
  worker.on('exit', stop)
  signal.addEventListener('abort', stop, { once: true })
  return {
    ask: (message) =>
      new Promise((resolve) => {
        if (isOver) return resolve(null)
        waiting = resolve
        worker.postMessage(message)
      }),
    close: () => {
      signal.removeEventListener('abort', stop)
      return worker.terminate()
    },
  }
}
