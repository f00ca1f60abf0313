import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createQuiet, parseCpuTimes } from './quiet.ts'

const machine = (busy: readonly number[]) => {
  const state = { at: 0, times: { busy: 0, all: 0 }, slept: 0 }
  return {
    state,
    readTimes: () => state.times,
    sleep: async (ms: number) => {
      state.slept += ms
      const share = busy[Math.min(state.at++, busy.length - 1)] ?? 0
      state.times = { busy: state.times.busy + 100 * share, all: state.times.all + 100 }
    },
  }
}

test('a quiet machine is measured at once', async () => {
  const deps = machine([0.05])
  assert.equal(await createQuiet(45_000, deps).wait(), true)
  assert.equal(deps.state.slept, 800)
})

test('a busy machine is waited for', async () => {
  const deps = machine([0.9, 0.5, 0.12, 0.11])
  assert.equal(await createQuiet(45_000, deps).wait(), true)
  assert.equal(deps.state.at, 4)
})

test('the budget is for all rounds of a row together', async () => {
  const deps = machine([0.9])
  const quiet = createQuiet(2_000, deps)
  assert.equal(await quiet.wait(), false)
  assert.equal(deps.state.at, 3)
  assert.equal(await quiet.wait(), false)
  assert.equal(deps.state.at, 3)
})

test('waiting for a disk is not being busy, and guests are not counted twice', () => {
  const text = 'cpu  100 20 30 1000 50 5 6 7 90 9\ncpu0 1 1 1 1\n'
  assert.deepEqual(parseCpuTimes(text), { busy: 168, all: 1218 })
})
