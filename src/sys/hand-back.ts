// Memory that a start or a load has left goes back to the machine. V8 collects when it needs room, and a program at rest needs
// none: what it does not use any more would stay until the next load (docs/decisions/0078, PF-44).
import { performance } from 'node:perf_hooks'
import { getHeapStatistics } from 'node:v8'

/** Of a Node whose programs hand back: a collector that can be called. */
export const handBackFlags = ['--expose-gc'] as const

const lookMs = 1_000
/** A collection is 10 to 40 ms in which nothing else happens: nobody must be there who waits for them. */
const quietLooks = 3
const quietShare = 0.02
/** Less than that is not worth a collection. */
const worthBytes = 6 * 1024 ** 2

/** Everything that can go, and the room that young objects have grown to: only the last resort of V8 gives that back. */
const collectAll = { type: 'major', execution: 'sync', flavor: 'last-resort' } as const

/** Hands back now, where this Node was started with the flags. */
export const handBack = (): void => {
  void globalThis.gc?.(collectAll)
}

/** Hands back whenever nothing was going on for three seconds and there is enough of it. Keeps no program running. */
export const handBackWhenQuiet = (): void => {
  if (globalThis.gc === undefined) return
  let before = performance.eventLoopUtilization()
  let quiet = 0
  let kept = 0
  const look = (): void => {
    const now = performance.eventLoopUtilization()
    quiet = performance.eventLoopUtilization(now, before).utilization < quietShare ? quiet + 1 : 0
    before = now
    if (quiet < quietLooks || getHeapStatistics().total_heap_size < kept + worthBytes) return
    handBack()
    kept = getHeapStatistics().total_heap_size
    before = performance.eventLoopUtilization()
  }
  setInterval(look, lookMs).unref()
}
