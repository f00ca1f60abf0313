import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AttemptUsage } from '../../protocol/api/usage.ts'
import { endLines, stageWords, usageLines } from './job-view.ts'

const peak: NonNullable<AttemptUsage['peak']> = {
  ...{ memory_kib: 1, disk_kib: 1, processes: 1, cpu_ms: 1, throttled_ms: 0, oom_kills: 0 },
  ...{ sent_bytes: 0, received_bytes: 0 },
}
const limits = { cpu_milli: 1000, memory_kib: 1000, disk_kib: 1000 }
const series: NonNullable<AttemptUsage['series']> = {
  ...{ started_at: '2026-11-22T00:00:00.000Z', duration_ms: [1], cpu_milli: [1], memory_kib: [1] },
  ...{ disk_kib: [1], sent_bytes: [0], received_bytes: [0], limits },
}
const shares = { memory_percent: 31, disk_percent: 2, cpu_percent: 40 }

test('where the time of a job went is a line, and what lasts has no duration', () => {
  const started_at = '2026-11-22T00:00:00.000Z'
  const stages = [
    { name: 'queue' as const, started_at, duration_ms: 2_000 },
    { name: 'sandbox' as const, started_at, duration_ms: null },
  ]
  assert.equal(stageWords({ stages }), 'queue 2.0 s, sandbox …')
})

test('a lost runner was last heard of at a time, or never; an error that somebody pinned is told', () => {
  const lost = { status: 'errored', failure: { code: 'E_LEASE_LOST', message: '' }, pinned: null } as const
  const at = '2026-11-22T00:00:00.000Z'
  assert.deepEqual(endLines({ ...lost, renewed_at: at }), [`its runner was last heard of at ${at}`])
  assert.deepEqual(endLines({ ...lost, renewed_at: null }), [
    'its runner was not heard of after it took the job',
  ])
  const other = { ...lost, failure: { code: 'E_SANDBOX_DEADLINE', message: '' }, renewed_at: at }
  assert.deepEqual(endLines(other), [])
  const pinned = { step: 3, line: 64, by: { id: 'usr_1', name: 'Ada' }, at }
  assert.deepEqual(endLines({ status: 'failed', failure: null, renewed_at: at, pinned }), [
    'Ada says that line 64 of step 3 is the error',
  ])
})

test('what a job used is a sentence', () => {
  assert.deepEqual(usageLines({ series, peak, verdict: { ...shares, word: 'smaller', smaller: 'small' } }), [
    'peaked at 31 % of memory, 2 % of disk, 40 % of its processor time: the class small would do',
  ])
  assert.deepEqual(
    usageLines({
      series,
      peak: { ...peak, oom_kills: 2 },
      verdict: { ...shares, word: 'larger', smaller: null },
    }),
    [
      'peaked at 31 % of memory, 2 % of disk, 40 % of its processor time: a larger class is worth a try',
      'the kernel ended 2 of its processes for want of memory',
    ],
  )
  assert.deepEqual(
    usageLines({
      series: { ...series, cpu_milli: null, memory_kib: null },
      peak,
      verdict: {
        word: 'unmeasured',
        smaller: null,
        memory_percent: null,
        disk_percent: 2,
        cpu_percent: null,
      },
    }),
    ['peaked at 2 % of disk: this runner cannot count memory and processor of a job'],
  )
  assert.deepEqual(usageLines({ series: null, peak, verdict: null }), [
    'over too soon for its use to be read',
  ])
  assert.deepEqual(usageLines({ series: null, peak: null, verdict: null }), [
    'nothing is known of what it used yet',
  ])
})
