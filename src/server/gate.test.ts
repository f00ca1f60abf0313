import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isFault } from '../base/faults.ts'
import { createGate } from './gate.ts'

/** Everything that can go on without us has gone on. */
const settled = () => new Promise((resolve) => setImmediate(resolve))

test('so many work, so many wait in order, the next is refused, and a failure frees its place', async () => {
  const gate = createGate({ atOnce: 2, waiting: 2 })
  const started: number[] = []
  const finish: (() => void)[] = []
  const work = (n: number) =>
    gate(() => {
      started.push(n)
      return new Promise<void>((resolve, reject) => {
        finish.push(n === 1 ? () => reject(new Error('failed')) : resolve)
      })
    })
  const all = [1, 2, 3, 4].map(work)
  await assert.rejects(work(5), (error) => isFault(error, 'E_RATE_LIMIT'))
  assert.deepEqual(started, [1, 2])
  finish[0]?.()
  await assert.rejects(all[0] as Promise<void>, /failed/)
  await settled()
  assert.deepEqual(started, [1, 2, 3])
  finish[1]?.()
  await all[1]
  await settled()
  assert.deepEqual(started, [1, 2, 3, 4])
  finish[2]?.()
  finish[3]?.()
  await Promise.all(all.slice(2))
  const again = work(6)
  await settled()
  finish[4]?.()
  await again
})
