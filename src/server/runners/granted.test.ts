import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createGranted } from './granted.ts'

const runner = 'rnr_a' as never
const granted = (attempt: string, lease: string) =>
  ({ runner, attempt, lease }) as unknown as Parameters<ReturnType<typeof createGranted>['add']>[0]

test('a lease that is not among those a runner has is forgotten', () => {
  const leases = createGranted()
  leases.add(granted('a', '1'))
  leases.add(granted('b', '2'))
  leases.keep(runner, ['2' as never])
  assert.equal(leases.of('a' as never), null)
  assert.deepEqual([...leases.ofRunner(runner)], [granted('b', '2')])
})

test('an attempt that is leased once more has one lease', () => {
  const leases = createGranted()
  leases.add(granted('a', '1'))
  leases.add(granted('a', '2'))
  assert.deepEqual([...leases.ofRunner(runner)], [granted('a', '2')])
  assert.equal(leases.of('a' as never)?.lease, '2')
})
