import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isFault } from '../../base/faults.ts'
import { blobUsersMax } from '../limits.ts'
import { createOpenCounter } from './opens.ts'

test('when nobody else is counted any more in this hour, those who are go on', () => {
  const clock = { now: () => 0, monotonicMs: () => 0 }
  const opens = createOpenCounter(clock)
  for (let user = 0; user < blobUsersMax; user++) assert.equal(opens.count(`user ${user}`, 'one'), true)
  assert.equal(opens.count('user 7', 'another'), true)
  assert.equal(opens.count('user 7', 'another'), false)
  assert.throws(
    () => opens.count('one more', 'one'),
    (error) => isFault(error, 'E_RATE_LIMIT'),
  )
})
