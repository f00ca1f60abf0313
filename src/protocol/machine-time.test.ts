import assert from 'node:assert/strict'
import { test } from 'node:test'
import { machineTimes } from './machine-time.ts'

const at = (seconds: number): string => new Date(seconds * 1_000).toISOString()
const attempt = (className: string, from: number | null, to: number | null) => ({
  class: className,
  started_at: from === null ? null : at(from),
  finished_at: to === null ? null : at(to),
})

test('attempts are added up by their class, the longest first, and what runs counts until now', () => {
  const jobs = [
    { attempts: [attempt('small', 0, 10), attempt('large', 12, 50)] },
    { attempts: [attempt('small', 40, null)] },
    { attempts: [] },
  ]
  assert.deepEqual(machineTimes(jobs, 45_000), [
    { class: 'large', ms: 38_000 },
    { class: 'small', ms: 15_000 },
  ])
})

test('what never began, or begins after now by another clock, takes nothing', () => {
  assert.deepEqual(machineTimes([{ attempts: [attempt('small', null, 9)] }], 1_000), [])
  assert.deepEqual(machineTimes([{ attempts: [attempt('small', 5, null)] }], 1_000), [
    { class: 'small', ms: 0 },
  ])
})
