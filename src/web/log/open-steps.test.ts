import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openByDefault } from './open-steps.ts'

type Steps = Parameters<typeof openByDefault>[0]
const check = (
  steps: readonly (readonly [Steps[number]['status'], number])[],
  expected: readonly number[],
) => {
  const list = steps.map(([status], index) => ({ index, status }))
  assert.deepEqual([...openByDefault(list, (index) => steps[index]?.[1] ?? 0)], expected)
}

test('the first failure is open and nothing else, however short the rest', () => {
  check(
    [
      ['passed', 3],
      ['failed', 9],
      ['failed', 1],
      ['skipped', 0],
    ],
    [1],
  )
})

test('while it runs, what prints is open', () => {
  check(
    [
      ['passed', 3],
      ['running', 5],
      ['running', 0],
    ],
    [1],
  )
})

test('when all is well, a short log is open and of a long one the last that printed', () => {
  check(
    [
      ['passed', 3],
      ['passed', 5],
    ],
    [0, 1],
  )
  check(
    [
      ['passed', 9_000],
      ['passed', 5],
      ['passed', 0],
    ],
    [1],
  )
  check([], [])
})
