// Brings the log of one attempt into a book: subscribes with a cursor, inflates in order, fetches over HTTP while the
// stream is away. Components see the book as of the last animation frame: `drawn` says how far it was then.
import type { FollowerFrame } from '../../protocol/live.ts'
import type { App } from '../state/app.svelte.ts'
import type { LiveEvent } from '../state/live-session.ts'
import { createLogBook } from './book.ts'
import { inflateFrame, splitFrames } from './inflate.ts'

/** Everything that is laid out together must have been counted together. */
type Drawn = { readonly seq: number; readonly counts: ReadonlyMap<number, number> }

export const createLogFeed = (app: App, attempt: string) => {
  const book = createLogBook()
  const abort = new AbortController()
  let drawn = $state.raw<Drawn>({ seq: 0, counts: new Map() })
  let endSeq = $state<number | null>(null)
  let refused = $state<string | null>(null)
  let queue: Promise<void> = Promise.resolve()
  let drawing = 0

  /** One redraw per animation frame, however many log frames came. */
  const grown = () => {
    if (drawing !== 0) return
    drawing = requestAnimationFrame(() => {
      drawing = 0
      drawn = { seq: book.lastSeq, counts: new Map(book.steps().map((step) => [step, book.lineCount(step)])) }
    })
  }
  const take = (frame: FollowerFrame): Promise<void> => {
    queue = queue.then(async () => {
      if (abort.signal.aborted || frame.seq <= book.lastSeq) return
      book.append(await inflateFrame(frame))
      grown()
    })
    // One frame that does not inflate loses its lines, not the log.
    queue = queue.catch(() => undefined)
    return queue
  }
  const on = (event: LiveEvent) => {
    if (event.t === 'frame') void take(event.frame)
    else if (event.t === 'log-end')
      void queue.then(() => {
        endSeq = event.last
      })
    else if (event.t === 'refused') refused = event.reason
  }
  const poll = async () => {
    for (const frame of splitFrames(await app.api.logFrames(attempt, book.lastSeq, abort.signal)))
      await take(frame)
  }
  const unsubscribe = app.live().subscribe({ topic: `log:${attempt}`, cursor: () => book.lastSeq, on, poll })

  return {
    book,
    get drawn() {
      return drawn
    },
    /** All that will ever come is here. */
    get isComplete() {
      return endSeq !== null && drawn.seq >= endSeq
    },
    get refused() {
      return refused
    },
    close: () => {
      unsubscribe()
      abort.abort()
      cancelAnimationFrame(drawing)
    },
  }
}
export type LogFeed = ReturnType<typeof createLogFeed>
