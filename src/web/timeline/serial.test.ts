import assert from 'node:assert/strict'
import { test } from 'node:test'
import { serialEdges, type Taken } from './serial.ts'

const taken = (id: string, ms: number, ...needs: readonly string[]): Taken => ({
  job: {
    ...{ id, key: id.split('.')[0] ?? id, name: id, workflow_id: 'w' },
    needs: needs.map((job_id) => ({ job_id, on: ['passed'] })),
  },
  ms,
})
const saved = (path: readonly string[], all: readonly Taken[]) =>
  serialEdges(
    path.map((id) => all.find(({ job }) => job.id === id) ?? assert.fail()),
    all,
  ).map(({ needs, job, ms }) => `${needs}→${job} ${ms}`)

test('two side by side save the shorter of them, when nothing else takes longer', () => {
  assert.deepEqual(saved(['a', 'b'], [taken('a', 10), taken('b', 4, 'a')]), ['a→b 4'])
  assert.deepEqual(saved(['a', 'b'], [taken('a', 4), taken('b', 10, 'a')]), ['a→b 4'])
  const beside = [taken('a', 10), taken('b', 4, 'a'), taken('other', 12)]
  assert.deepEqual(saved(['a', 'b'], beside), ['a→b 2'], 'no more than until the next path is the longest')
})

test('a job still waits for what the one before it waits for', () => {
  const all = [taken('checkout', 5), taken('build', 10, 'checkout'), taken('test', 20, 'build')]
  assert.deepEqual(saved(['checkout', 'build', 'test'], all), ['build→test 10', 'checkout→build 5'])
})

test('all copies of a job are meant, and copies of one job are no edge', () => {
  const all = [
    taken('a.0', 10),
    taken('a.1', 3),
    taken('b.0', 6, 'a.0', 'a.1'),
    taken('b.1', 6, 'a.0', 'a.1'),
  ]
  assert.deepEqual(saved(['a.0', 'b.0'], all), ['a.0→b.0 6'])
  const copies = [taken('c.0', 10, 'c.1'), taken('c.1', 10)]
  assert.deepEqual(saved(['c.1', 'c.0'], copies), [])
})

test('a circle ends', () => {
  const all = [taken('a', 1, 'b'), taken('b', 1, 'a')]
  assert.equal(saved(['a', 'b'], all).length, 1)
})
