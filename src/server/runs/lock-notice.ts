// Somebody asked for a lock of an organisation, or let one go: locks.ts looks who is next.
import type { OrganisationId } from '../../base/ids.ts'
import type { Change, JobState } from '../../schedule/index.ts'
import type { Notice } from '../db/notify.ts'

export const lockNotice = (organisation: OrganisationId): Notice => ({
  channel: 'mayfly_locks',
  payload: organisation,
})

export const areLocksMoved = (changes: readonly Change[]): boolean =>
  changes.some((change) =>
    change.kind === 'lock' ? change.to !== 'held' : change.kind === 'job-added' && isInLine(change.job),
  )

export const isInLine = ({ lock }: JobState): boolean => lock?.state === 'asked'
