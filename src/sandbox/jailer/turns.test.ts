// Never more at once than allowed, in order, and a failure gives its turn to the next.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { createTurns } from './turns.ts'

test('two at once, in the order they came, whatever becomes of them', async () => {
  const inTurn = createTurns(2)
  const begun: number[] = []
  let most = 0
  let atOnce = 0
  const work = (number: number) => async () => {
    begun.push(number)
    most = Math.max(most, ++atOnce)
    await nextTurn()
    atOnce--
    if (number % 2 === 0) throw new Error(String(number))
    return number
  }
  const ended = await Promise.allSettled([0, 1, 2, 3, 4, 5].map((number) => inTurn(work(number))))
  assert.deepEqual(begun, [0, 1, 2, 3, 4, 5])
  assert.equal(most, 2)
  assert.deepEqual(
    ended.map(({ status }) => status),
    ['rejected', 'fulfilled', 'rejected', 'fulfilled', 'rejected', 'fulfilled'],
  )
  assert.equal(await inTurn(work(7)), 7)
})
