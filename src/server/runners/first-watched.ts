// Who watches a log from its first moment: a runner that has just begun a lease asks, and keeps the first frames back until it
// knows (decision 0058). Its next held poll, which tells the same, comes a little later.
import type { AttemptId, LeaseId } from '../../base/ids.ts'
import { limits } from '../limits.ts'
import type { Watchers } from '../logs/watchers.ts'

/** The leases whose logs are watched; waits a moment while none of them is. */
export const firstWatched = async (
  watchers: Watchers,
  leases: readonly { readonly lease: LeaseId; readonly attempt: AttemptId }[],
): Promise<readonly LeaseId[]> => {
  const watched = () => leases.filter(({ attempt }) => watchers.isWatched(attempt)).map(({ lease }) => lease)
  if (leases.length > 0 && watched().length === 0)
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
  return watched()
}
