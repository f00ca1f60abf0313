// What is counted as left by a job, and what is its cell's own.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { countLeftovers, type Kin } from './leftovers.ts'

const kin = (pid: number, parent: number, session: number): Kin => ({ pid, parent, session })
/** bubblewrap's outer process, the cell's first, the loop and its reader. */
const cell = [kin(10, 1, 5), kin(11, 10, 11), kin(12, 11, 11), kin(13, 12, 11)]
const inits = new Set([11])
const used = { inits, unused: false }

test('a cell in which nothing was left counts nothing, whether its next step waits already or not', () => {
  assert.equal(countLeftovers(cell, used), 0)
  assert.equal(countLeftovers([...cell, kin(14, 12, 11)], used), 0, 'a copy of the loop waits')
  assert.equal(
    countLeftovers([...cell, kin(14, 12, 14)], used),
    0,
    'the first step waits, or the last was cut off',
  )
})

test('a bash that waits for the first step counts for nothing while no step has begun', () => {
  const waiting = [...cell, kin(14, 12, 14), kin(15, 14, 14)]
  assert.equal(countLeftovers(waiting, { inits, unused: true }), 0)
  assert.equal(countLeftovers(waiting, used), 1, 'a step that was cut off')
})

test('what outlived its step counts: orphans, their children, and steps in the background', () => {
  const orphan = kin(20, 11, 15)
  const child = kin(21, 20, 15)
  const daemon = kin(22, 11, 22)
  const background = [kin(30, 13, 11), kin(31, 30, 31)]
  assert.equal(countLeftovers([...cell, orphan, child, daemon], used), 3)
  assert.equal(countLeftovers([...cell, ...background], used), 1)
})

test('each cell has its own', () => {
  const second = [kin(40, 1, 5), kin(41, 40, 41), kin(42, 41, 41)]
  assert.equal(
    countLeftovers([...cell, ...second, kin(50, 41, 50)], { inits: new Set([11, 41]), unused: false }),
    1,
  )
})
