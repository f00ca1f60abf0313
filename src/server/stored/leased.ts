// The attempt that a runner stores or restores for, and what its ticket would say of it.
import { fault } from '../../base/faults.ts'
import type { RunId } from '../../base/ids.ts'
import { cacheScopes, isShared, type ObjectKind, runScope } from '../../protocol/stored-object.ts'
import type { Db } from '../db/database.ts'
import { getLeased, type LeaseKey, leaseLost } from '../runners/events.ts'
import { readLeases } from '../runners/lease-details.ts'
import { scopeFactsOf } from '../runners/tickets.ts'
import type { LeaseDetails } from '../runs/leased.ts'

export type LeasedJob = LeaseDetails & { readonly run: RunId }

export const leasedJob = async (db: Db, key: LeaseKey): Promise<LeasedJob> => {
  await getLeased(db, key)
  const [lease] = await readLeases(db, [key.lease])
  if (lease === undefined) throw leaseLost()
  const { run } = lease
  if (run === null || lease.jobKind !== 'job')
    throw fault('E_FORBIDDEN', { public: 'This attempt stores nothing' })
  return { ...lease, run }
}

export const writeScopeOf = (job: LeasedJob, kind: ObjectKind): string =>
  isShared(kind) ? cacheScopes(scopeFactsOf(job)).write : runScope(job.run)
