// The log of one attempt as components read it: how many lines each step has, and the lines near what is on screen. The log
// itself is in a worker; here is what the worker cannot do: ask the server, follow the stream, and draw once per frame.

import type { Query } from '../../protocol/terminal/search.ts'
import { pollEveryMs, searchSilenceMs } from '../limits.ts'
import type { App } from '../state/app.svelte.ts'
import type { LiveEvent } from '../state/live-session.ts'
import { scriptPolicy } from '../state/trusted.ts'
import type { Group } from './groups.ts'
import workerUrl from './log.worker.ts?worker&url'
import type { FromStore, LineAt, MissingLines, ToStore } from './messages.ts'
import { createLogPages } from './pages.ts'

type Message<T extends FromStore['t']> = Extract<FromStore, { readonly t: T }>
/** `version` goes up with every drawing; what is laid out together must have been counted together. */
type Drawn = { readonly counts: ReadonlyMap<number, number>; readonly version: number }
type Found = {
  readonly matches: readonly LineAt[]
  readonly searched: number
  readonly problem: 'not-a-regex' | 'too-slow' | 'not-whole' | null
}

/** `unknown`: nobody looked for groups yet, since all of a large log has to be fetched for that. */
type Groups = {
  readonly state: 'unknown' | Message<'groups'>['state']
  readonly of: ReadonlyMap<number, readonly Group[]>
}

export const createLogFeed = (app: App, attempt: string) => {
  const abort = new AbortController()
  let drawn = $state.raw<Drawn>({ counts: new Map(), version: 0 })
  let groups = $state.raw<Groups>({ state: 'unknown', of: new Map() })
  let missing = $state.raw<readonly MissingLines[]>([])
  let isBehind = $state(false)
  let drawing = 0
  const pages = createLogPages((step, page) => link.tell({ t: 'page', step, page }))
  /** One redraw per animation frame, however much came. */
  const redraw = () => {
    if (drawing !== 0) return
    drawing = requestAnimationFrame(() => {
      drawing = 0
      drawn = { counts: pages.counts, version: drawn.version + 1 }
    })
  }
  /** What is on screen wants it still: until then it counts as asked for, whatever else is drawn. */
  const askAgain = ({ step, page }: Message<'page'>) => {
    if (abort.signal.aborted) return
    pages.take(step, page, null)
    redraw()
  }
  const fetchFrames = async ({ id, step, after, until }: Message<'fetch'>) => {
    const range = step === null ? { after, until } : { after, until, step }
    const bytes = await app.api.logFrames(attempt, range, abort.signal).catch(() => null)
    if (abort.signal.aborted) return
    isBehind = bytes === null
    link.tell({ t: 'fetched', id, bytes }, bytes === null ? [] : [bytes.buffer])
  }
  const link = createLink((message) => {
    if (message.t === 'counts') {
      pages.grow(new Map(message.counts))
      // Told with every count, and drawn anew only when it is another: a gap may shrink.
      if (JSON.stringify(message.missing) !== JSON.stringify(missing)) missing = message.missing
    } else if (message.t === 'groups') groups = { state: message.state, of: new Map(message.groups) }
    else if (message.t === 'page' && message.lines === null)
      return void setTimeout(askAgain, pollEveryMs, message)
    else if (message.t === 'page') pages.take(message.step, message.page, message.lines)
    else if (message.t === 'fetch') return void fetchFrames(message)
    else if (message.t === 'found') return search.take(message)
    else return void source.readAnew()
    redraw()
  })
  const source = createSource(app, {
    ...{ attempt, signal: abort.signal, tell: link.tell },
    forget: pages.clear,
  })
  const search = createSearch(link.tell, () => {
    link.restart()
    void source.readAnew()
  })
  return {
    get drawn() {
      return drawn
    },
    get isOpened() {
      return source.isOpened
    },
    get isComplete() {
      return source.isComplete
    },
    get refused() {
      return source.refused
    },
    /** What was asked for last could not be fetched; it is asked for again. */
    get isBehind() {
      return isBehind
    },
    /** Nobody reads the log here: the script of the worker did not come. */
    get isAway() {
      return link.isAway
    },
    get groups() {
      return groups
    },
    get missing() {
      return missing
    },
    findGroups: () => link.tell({ t: 'find-groups' }),
    get found() {
      return search.found
    },
    line: pages.line,
    want: pages.want,
    find: search.find,
    firstFailure: source.firstFailure,
    close: () => {
      source.close()
      abort.abort()
      cancelAnimationFrame(drawing)
      search.close()
      link.close()
    },
  }
}
export type LogFeed = ReturnType<typeof createLogFeed>

type Tell = (message: ToStore, transfer?: Transferable[]) => void

/** The worker, which may have to be ended and started again. */
const createLink = (on: (message: FromStore) => void) => {
  let isAway = $state(false)
  const start = (): Worker => {
    const worker = new Worker(scriptPolicy.createScriptURL(workerUrl), { type: 'module' })
    worker.onmessage = ({ data }: MessageEvent<FromStore>) => on(data)
    worker.onerror = () => {
      isAway = true
    }
    return worker
  }
  let worker = start()
  return {
    get isAway() {
      return isAway
    },
    tell: ((message, transfer = []) => worker.postMessage(message, transfer)) satisfies Tell,
    restart: () => {
      worker.terminate()
      worker = start()
    },
    close: () => worker.terminate(),
  }
}

/** What there is: first what is stored, by its index, then what comes. */
const createSource = (
  app: App,
  of: {
    readonly attempt: string
    readonly signal: AbortSignal
    readonly tell: Tell
    readonly forget: () => void
  },
) => {
  const { attempt, signal, tell } = of
  let isComplete = $state(false)
  let isOpened = $state(false)
  let refused = $state<string | null>(null)
  let lastSeq = 0
  let unsubscribe = (): void => undefined
  const failures = new Map<number, Promise<number | null>>()
  const call = (query: { after: number; failure_in?: number }) =>
    app.api.call('attemptLogIndex', { path: { attempt }, query, signal })

  /** All of it, or what came since. */
  const read = async (isAnew: boolean): Promise<void> => {
    let after = isAnew ? 0 : lastSeq
    for (let isFirst = isAnew; ; isFirst = false) {
      const index = await call({ after })
      // The stream came back while this look was on its way, and tells of it.
      if (after !== lastSeq) return
      if (isFirst) of.forget()
      tell({ t: 'index', chunks: index.chunks, isAnew: isFirst })
      const told = Math.max(after, ...index.chunks.map((chunk) => chunk.seq_to))
      const isAll = told === after || told >= index.last_seq
      lastSeq = told
      isComplete ||= index.complete && isAll
      if (isAll) return
      after = told
    }
  }
  const on = (event: LiveEvent) => {
    if (event.t !== 'refused') refused = null
    if (event.t === 'frame' && event.frame.seq > lastSeq) {
      lastSeq = event.frame.seq
      tell({ t: 'frame', frame: event.frame })
    } else if (event.t === 'log-end') isComplete = true
    else if (event.t === 'refused') refused = event.reason
  }
  const follow = () => {
    isOpened = true
    if (signal.aborted || isComplete) return
    unsubscribe = app.live().subscribe({
      ...{ topic: `log:${attempt}`, cursor: () => lastSeq, on },
      poll: () => read(false),
    })
  }
  const beginEmpty = () => {
    if (signal.aborted) return
    isComplete = false
    // The rest is told behind what the index told until then.
    if (lastSeq !== 0) return
    of.forget()
    tell({ t: 'index', chunks: [], isAnew: true })
  }
  let underWay: Promise<void> | null = null
  /** Not while the stream tells: what it adds to the old table would not be in the new one. */
  const start = async (): Promise<void> => {
    unsubscribe()
    lastSeq = 0
    // Whoever is not told by the index is told by the stream, or by the next look while that is away.
    await read(true).catch(beginEmpty)
    follow()
  }
  const readAnew = (): Promise<void> => {
    underWay ??= start().finally(() => {
      underWay = null
    })
    return underWay
  }
  void readAnew()
  return {
    /** Somebody told how much there is, if it is only nothing. */
    get isOpened() {
      return isOpened
    },
    /** No more lines will come. */
    get isComplete() {
      return isComplete
    },
    get refused() {
      return refused
    },
    readAnew,
    /** Of a step that has ended; asked once, since the server reads its log for that. */
    firstFailure: (step: number): Promise<number | null> => {
      const known = failures.get(step)
      if (known !== undefined) return known
      const asked = call({ after: lastSeq, failure_in: step }).then((index) => index.first_failure)
      failures.set(step, asked)
      asked.catch(() => failures.delete(step))
      return asked
    },
    close: () => unsubscribe(),
  }
}

const createSearch = (tell: Tell, giveUp: () => void) => {
  let found = $state.raw<Found | null>(null)
  let newest = 0
  let silence = 0
  /** A regular expression that does not come to an end is ended with its worker. */
  const watch = (isSearching: boolean) => {
    clearTimeout(silence)
    if (!isSearching) return
    silence = window.setTimeout(() => {
      found = { matches: found?.matches ?? [], searched: 1, problem: 'too-slow' }
      giveUp()
    }, searchSilenceMs)
  }
  return {
    get found() {
      return found
    },
    /** null ends it. */
    find: (query: Query | null): void => {
      newest++
      found = query === null ? null : { matches: [], searched: 0, problem: null }
      watch(query !== null)
      if (query !== null) tell({ t: 'find', id: newest, query })
    },
    take: ({ id, matches, searched, missed, isValid }: Message<'found'>): void => {
      if (id !== newest) return
      watch(searched < 1)
      found = { matches, searched, problem: isValid ? (missed > 0 ? 'not-whole' : null) : 'not-a-regex' }
    },
    close: () => clearTimeout(silence),
  }
}
