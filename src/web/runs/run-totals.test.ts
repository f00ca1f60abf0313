import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Run } from '../../protocol/api/shapes.ts'
import { runTotals } from './run-totals.ts'

const began = '2026-01-01T00:00:00.000Z'
const at = (ms: number) => Date.parse(began) + ms
const run = (of: Partial<Pick<Run, 'status' | 'started_at' | 'rerun' | 'usual_ms'>> = {}) => ({
  ...{ status: 'running' as const, started_at: began, rerun: null, usual_ms: 60_000 },
  jobs: [{ attempts: [{ started_at: began }, { started_at: null }] }, { attempts: [] }],
  ...of,
})

test('attempts are counted, and sandboxes of those that began', () => {
  const { attempts, sandboxes } = runTotals(run(), at(0))
  assert.deepEqual([attempts, sandboxes], [2, 1])
})

test('what is left is what is usual without what has passed; longer than usual is below zero', () => {
  assert.equal(runTotals(run(), at(20_000)).leftMs, 40_000)
  assert.equal(runTotals(run(), at(70_000)).leftMs, -10_000)
})

test('nothing is foretold of a run that has ended, did not begin, is carried out again or has no history', () => {
  const rerun = { at: began, by: { id: 'usr_1', name: 'ada' } }
  for (const change of [{ status: 'passed' as const }, { started_at: null }, { usual_ms: null }, { rerun }])
    assert.equal(runTotals(run(change), at(0)).leftMs, null)
})
