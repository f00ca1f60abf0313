import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RunSummary } from '../../protocol/api/shapes.ts'
import { needsServer, receiveOlder, receivePage, receiveRun, showWaiting } from './feed.ts'

const all = {
  project: '',
  status: '',
  branch: '',
  commit: '',
  event: '',
  author: '',
  since: '',
  until: '',
  class: '',
  mine: '',
}
const run = (id: string, more: Partial<RunSummary> = {}): RunSummary => ({
  id,
  number: 1,
  rev: 1,
  project: { id: 'p', name: 'web' },
  status: 'running',
  event: {
    kind: 'push',
    ref: 'refs/heads/main',
    branch: 'main',
    tag: null,
    commit: 'abc',
    subject: null,
    author: null,
  },
  workflows: [],
  created_at: '',
  started_at: null,
  finished_at: null,
  queued_ms: null,
  duration_ms: null,
  usual_ms: null,
  headline: null,
  cancelled: null,
  rerun: null,
  attempts: 1,
  ...more,
})
const feed = { of: all, shown: [run('b'), run('a')], waiting: [] }

test('a run that is shown changes in its place', () => {
  const next = receiveRun(feed, run('a', { status: 'passed', rev: 2 }))
  assert.deepEqual(
    next.shown.map((r) => [r.id, r.status]),
    [
      ['b', 'running'],
      ['a', 'passed'],
    ],
  )
  assert.deepEqual(next.waiting, [])
})

test('news older than what is shown is dropped', () => {
  const newer = receiveRun(feed, run('a', { status: 'passed', rev: 5 }))
  assert.equal(receiveRun(newer, run('a', { rev: 4 })).shown[1]?.status, 'passed')
})

test('a new run waits until somebody asks, and changes while it waits', () => {
  const next = receiveRun(receiveRun(feed, run('c')), run('c', { status: 'failed', rev: 2 }))
  assert.deepEqual(next.shown, feed.shown)
  assert.deepEqual(
    next.waiting.map((r) => r.status),
    ['failed'],
  )
  assert.deepEqual(
    showWaiting(next).shown.map((r) => r.id),
    ['c', 'b', 'a'],
  )
})

test('a new run that does not fit the filters is not announced', () => {
  for (const filters of [
    { ...all, project: 'api' },
    { ...all, status: 'failed' },
    { ...all, branch: 'x' },
    { ...all, commit: 'f' },
  ])
    assert.deepEqual(receiveRun({ ...feed, of: filters }, run('c')).waiting, [])
})

test('a page that was fetched anew does the same as the stream', () => {
  const next = receivePage(feed, [run('c'), run('b', { status: 'failed', rev: 3 }), run('a')])
  assert.deepEqual(
    next.waiting.map((r) => r.id),
    ['c'],
  )
  assert.equal(next.shown[0]?.status, 'failed')
})

test('what only the server can tell of a filter is not guessed from the stream, and comes with the next page', () => {
  const mine = { ...feed, of: { ...all, mine: 'yes' } }
  assert.deepEqual(receiveRun(mine, run('c')).waiting, [])
  assert.deepEqual(
    receivePage(mine, [run('c'), run('b')]).waiting.map(({ id }) => id),
    ['c'],
  )
  assert.equal(needsServer(all), false)
  assert.equal(needsServer({ ...all, class: 'large' }), true)
})

test('an old run that changed before its page was fetched is in the list once, as it is now', () => {
  const changed = run('5', { rev: 4, status: 'passed' })
  const page = [run('6'), run('5'), run('4')]
  const told = receiveRun({ of: all, shown: [run('9'), run('8')], waiting: [] }, changed)
  const ids = (runs: readonly RunSummary[]) => runs.map(({ id, rev }) => `${id} ${rev}`)
  for (const before of [told, showWaiting(told)]) {
    const next = receiveOlder(before, page)
    assert.deepEqual(ids(next.shown), ['9 1', '8 1', '6 1', '5 4', '4 1'])
    assert.deepEqual(next.waiting, [])
  }
})
