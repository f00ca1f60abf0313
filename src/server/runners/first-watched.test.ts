import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AttemptId, LeaseId } from '../../base/ids.ts'
import { limits } from '../limits.ts'
import { createWatchers } from '../logs/watchers.ts'
import { firstWatched } from './first-watched.ts'

const [one, other] = ['att_one', 'att_other'] as AttemptId[]
const leases = [
  { lease: 'lse_one' as LeaseId, attempt: one! },
  { lease: 'lse_other' as LeaseId, attempt: other! },
]

test('who watches already, or begins to within the moment, is named', async () => {
  const watchers = createWatchers()
  const asked = firstWatched(watchers, leases)
  watchers.watch('att_stranger' as AttemptId)
  const stop = watchers.watch(other!)
  assert.deepEqual(await asked, ['lse_other'])
  watchers.watch(one!)
  assert.deepEqual(await firstWatched(watchers, leases), ['lse_one', 'lse_other'])
  stop()
  assert.deepEqual(await firstWatched(watchers, leases), ['lse_one'])
})

test('nobody comes: it ends by itself, at once when there is nothing to wait for', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const watchers = createWatchers()
  assert.deepEqual(await firstWatched(watchers, []), [])
  const asked = firstWatched(watchers, leases)
  t.mock.timers.tick(limits.firstWatchedMs)
  assert.deepEqual(await asked, [])
})
