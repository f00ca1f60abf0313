// The worker of a log: messages in, messages out, all work in store.ts. What is not here it asks the page to fetch, which
// knows how to speak with the server.
import { logNewsEveryMs } from '../limits.ts'
import { splitFrames } from './inflate.ts'
import type { FrameRange, FromStore, ToStore } from './messages.ts'
import { createLogStore } from './store.ts'

const tell = (message: FromStore): void => globalThis.postMessage(message)
const fetches = new Map<number, PromiseWithResolvers<Uint8Array | null>>()

const store = createLogStore({
  tell,
  fetchFrames: async (range: FrameRange) => {
    const id = nextId++
    const answer = Promise.withResolvers<Uint8Array | null>()
    fetches.set(id, answer)
    tell({ t: 'fetch', id, ...range })
    const bytes = await answer.promise
    if (bytes === null) throw new Error('not fetched')
    return splitFrames(bytes)
  },
})
let nextId = 1
let isSettling = false

const settleSoon = (): void => {
  if (isSettling) return
  isSettling = true
  setTimeout(() => {
    isSettling = false
    void store.settle()
  }, logNewsEveryMs)
}

globalThis.onmessage = ({ data }: MessageEvent<ToStore>) => {
  if (data.t === 'index') void store.addIndex(data.chunks, data.isAnew)
  else if (data.t === 'page') void store.page(data.step, data.page)
  else if (data.t === 'find') void store.find(data.id, data.query)
  else if (data.t === 'find-groups') void store.findGroups()
  else if (data.t === 'frame') {
    store.addFrame(data.frame)
    settleSoon()
  } else {
    fetches.get(data.id)?.resolve(data.bytes)
    fetches.delete(data.id)
  }
}
