import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AttemptId } from '../../base/ids.ts'
import { limits } from '../limits.ts'
import { createWatchers } from '../logs/watchers.ts'
import { isFirstWatched } from './first-watched.ts'

const [one, other] = ['att_one', 'att_other'] as AttemptId[]
const leases = [{ attempt: one! }, { attempt: other! }]

test('who watches already, or begins to within the moment, counts', async () => {
  const watchers = createWatchers()
  const asked = isFirstWatched(watchers, leases)
  watchers.watch('att_stranger' as AttemptId)
  watchers.watch(other!)
  assert.equal(await asked, true)
  assert.equal(await isFirstWatched(watchers, leases), true)
  assert.equal(await isFirstWatched(watchers, []), false)
})

test('nobody comes, or somebody who goes again: it ends by itself', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const watchers = createWatchers()
  const asked = isFirstWatched(watchers, leases)
  t.mock.timers.tick(limits.firstWatchedMs)
  assert.equal(await asked, false)
  const again = isFirstWatched(watchers, leases)
  watchers.watch(one!)()
  assert.equal(await again, false)
})
