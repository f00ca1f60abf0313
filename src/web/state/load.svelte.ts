// Something a page fetches: nothing for 150 ms, then a skeleton, then the data or the problem. Fetches again when
// what `fetch` reads changes, keeps the old data meanwhile, and drops answers that come too late.
import { skeletonAfterMs } from '../limits.ts'
import { type ApiProblem, asProblem } from './api.ts'

export const createLoad = <T>(fetch: (signal: AbortSignal) => Promise<T>) => {
  let data = $state.raw<T | null>(null)
  let problem = $state.raw<ApiProblem | null>(null)
  let isSlow = $state(false)
  let round = $state(0)
  let isAsking = false

  $effect(() => {
    // Read so that reload() runs this again.
    void round
    isAsking = true
    const abort = new AbortController()
    const slow = setTimeout(() => {
      isSlow = true
    }, skeletonAfterMs)
    fetch(abort.signal)
      .then((value) => {
        if (abort.signal.aborted) return
        data = value
        problem = null
      })
      .catch((error: unknown) => {
        if (!abort.signal.aborted) problem = asProblem(error)
      })
      .finally(() => {
        clearTimeout(slow)
        if (abort.signal.aborted) return
        isSlow = false
        isAsking = false
      })
    return () => {
      clearTimeout(slow)
      abort.abort()
    }
  })

  return {
    get data() {
      return data
    },
    /** The stream patches what the API gave. */
    set data(value: T | null) {
      data = value
    },
    get problem() {
      return problem
    },
    get isSlow() {
      return isSlow
    },
    reload: () => {
      problem = null
      round++
    },
    /** For who asks again by the clock: an answer that is on its way is waited for, and a problem stands until there is another. */
    look: () => {
      if (!isAsking) round++
    },
  }
}
export type Load<T> = ReturnType<typeof createLoad<T>>
