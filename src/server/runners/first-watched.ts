// Whether anybody watches a log from its first moment: its first frame is stored then, and else kept back by its runner, which
// may have all of it soon (decision 0058). Who comes later is told to the runner with its next held poll.
import type { AttemptId } from '../../base/ids.ts'
import { limits } from '../limits.ts'
import type { Watchers } from '../logs/watchers.ts'

/** Waits a moment while none of them is watched. */
export const isFirstWatched = async (
  watchers: Watchers,
  leases: readonly { readonly attempt: AttemptId }[],
): Promise<boolean> => {
  const isWatched = () => leases.some(({ attempt }) => watchers.isWatched(attempt))
  if (leases.length > 0 && !isWatched())
    await new Promise<void>((resolve) => {
      const done = () => {
        clearTimeout(timer)
        stop()
        resolve()
      }
      const timer = setTimeout(done, limits.firstWatchedMs)
      const stop = watchers.onChange((attempt) => {
        if (leases.some((lease) => lease.attempt === attempt)) done()
      })
    })
  return isWatched()
}
