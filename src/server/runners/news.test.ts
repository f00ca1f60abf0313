import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AttemptEvent } from '../../protocol/runner-wire.ts'
import { limits } from '../limits.ts'
import { foldEvents } from './news.ts'

const started = (seq: number, step: number, name = 'one'): AttemptEvent => ({
  ...{ seq, atMs: 10 * seq, kind: 'step-started', step, name, type: 'run' },
})
const finished = (seq: number, step: number): Extract<AttemptEvent, { kind: 'step-finished' }> => ({
  ...{ seq, atMs: 10 * seq, kind: 'step-finished', step, status: 'failed', exitCode: 3 },
  ...{ ms: 7, leftovers: 0xffff_ffff, message: 'a\0b' },
})
const phase = (seq: number, word: 'opening' | 'running'): AttemptEvent => ({
  ...{ seq, atMs: 0, kind: 'phase', phase: word },
})

test('of what was applied before nothing is left, of the rest the last word in the order of the numbers', () => {
  const {
    lastEvent,
    phase: word,
    notes,
  } = foldEvents(
    [phase(4, 'running'), { seq: 2, atMs: 0, kind: 'note', text: 'old' }, phase(3, 'opening')],
    2,
  )
  assert.deepEqual([lastEvent, word, notes], [4, 'running', []])
  assert.deepEqual(foldEvents([phase(1, 'opening')], 5), {
    ...{ lastEvent: 5, phase: null, usage: null, series: null, notes: [], alarms: [], egress: [], steps: [] },
  })
})

test('a step that began and ended is one row, however its events are spread; it begins once', () => {
  const { steps } = foldEvents([finished(3, 1), started(1, 1), started(2, 1, 'again'), finished(4, 2)], 0)
  assert.deepEqual(
    steps.map(({ index, name, status, atMs, ms, message }) => [index, name, status, atMs, ms, message]),
    [
      [1, 'one', 'failed', 10, 7, 'a\u2400b'],
      [2, null, 'failed', 40, 7, 'a\u2400b'],
    ],
  )
  assert.ok(steps.every(({ leftovers, cache }) => leftovers === 0x7fff_ffff && cache === null))
  const endless: AttemptEvent = { ...finished(1, 1), ms: Number.MAX_SAFE_INTEGER }
  assert.equal(foldEvents([endless], 0).steps[0]?.ms, 0x7fff_ffff)
  const restored: AttemptEvent = { ...finished(2, 1), cache: 'prefix' } as const
  assert.deepEqual(
    foldEvents([started(1, 1), restored], 0).steps.map(({ cache }) => cache),
    ['prefix'],
  )
  assert.equal(foldEvents([started(1, limits.stepsPerAttemptMax)], 0).steps.length, 0)
})
