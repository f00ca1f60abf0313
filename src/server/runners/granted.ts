// The leases that this process has granted, by runner: what is known here of who carries out which attempt needs no look at
// the tables. Only a shortcut: a lease that is not here, or not any more, is found in the tables.
import type { AttemptId, LeaseId, RunnerId } from '../../base/ids.ts'
import { limits } from '../limits.ts'

export type GrantedLease = {
  readonly runner: RunnerId
  readonly lease: LeaseId
  readonly attempt: AttemptId
}

export type Granted = {
  add(lease: GrantedLease): void
  of(attempt: AttemptId): GrantedLease | null
  ofRunner(runner: RunnerId): Iterable<GrantedLease>
  /** The others of this runner are over. */
  keep(runner: RunnerId, held: readonly LeaseId[]): void
}

export const createGranted = (): Granted => {
  const byAttempt = new Map<AttemptId, GrantedLease>()
  const byRunner = new Map<RunnerId, Map<LeaseId, GrantedLease>>()
  const remove = ({ runner, lease, attempt }: GrantedLease): void => {
    if (byAttempt.get(attempt)?.lease === lease) byAttempt.delete(attempt)
    const leases = byRunner.get(runner)
    leases?.delete(lease)
    if (leases?.size === 0) byRunner.delete(runner)
  }
  return {
    add: (granted) => {
      const earlier = byAttempt.get(granted.attempt)
      if (earlier !== undefined) remove(earlier)
      const [oldest] = byAttempt.values()
      if (byAttempt.size >= limits.grantedLeasesMax && oldest !== undefined) remove(oldest)
      byAttempt.set(granted.attempt, granted)
      const leases = byRunner.get(granted.runner) ?? new Map<LeaseId, GrantedLease>()
      byRunner.set(granted.runner, leases.set(granted.lease, granted))
    },
    of: (attempt) => byAttempt.get(attempt) ?? null,
    ofRunner: (runner) => byRunner.get(runner)?.values() ?? [],
    keep: (runner, held) => {
      for (const granted of [...(byRunner.get(runner)?.values() ?? [])])
        if (!held.includes(granted.lease)) remove(granted)
    },
  }
}
