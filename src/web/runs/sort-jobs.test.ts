import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Job } from '../../protocol/api/shapes.ts'
import { nextSort, parseSort, sortJobs } from './sort-jobs.ts'

// SAFE: the order looks at these fields only.
const job = (name: string, status: Job['status'], ms: number | null, shard = 0) =>
  ({ name, status, shard, attempts: ms === null ? [] : [{ duration_ms: ms }] }) as unknown as Job
const jobs = [
  job('t10', 'passed', 5),
  job('t2', 'failed', null),
  job('t2', 'skipped', 9, 1),
  job('a', 'running', 1),
]
const order = (text: string | null) =>
  sortJobs(jobs, parseSort(text)).map(({ name, shard }) => `${name}.${shard}`)

test('by name as a person counts, by status with the worst first, by duration', () => {
  assert.deepEqual(order('job'), ['a.0', 't2.0', 't2.1', 't10.0'])
  assert.deepEqual(order('status'), ['t2.0', 'a.0', 't10.0', 't2.1'])
  assert.deepEqual(order('-duration'), ['t2.1', 't10.0', 'a.0', 't2.0'])
})

test('without an order, or with one that is none, as planned', () => {
  for (const text of [null, '', '-', 'age', '-age', '--job']) assert.deepEqual(order(text), order(null))
})

test('a column goes through both ways and back to the plan', () => {
  const presses = (by: 'job' | 'duration') => {
    const first = nextSort(null, by)
    const second = nextSort(parseSort(first), by)
    return [first, second, nextSort(parseSort(second), by)]
  }
  assert.deepEqual(presses('job'), ['job', '-job', ''])
  assert.deepEqual(presses('duration'), ['-duration', 'duration', ''])
  assert.equal(nextSort(parseSort('job'), 'status'), 'status')
})
