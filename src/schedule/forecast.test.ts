// When jobs that wait for others of their run will likely begin.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JobId } from '../base/ids.ts'
import { createForecast, type Durations } from './forecast.ts'
import type { JobState } from './state.ts'

const minute = 60_000
const usual: Durations = { fromMs: minute, toMs: 3 * minute }

type Given = Partial<Omit<JobState, 'needs'>> & { readonly key: string; readonly needs?: readonly string[] }
const job = ({ key, needs = [], ...more }: Given): JobState => ({
  ...{
    id: `job_${key}` as JobId,
    workflow: null,
    key,
    name: key,
    kind: 'job' as const,
    status: 'waiting' as const,
  },
  needs: needs.map((name) => ({ key: name, on: ['passed' as const] })),
  ...{ skip: null, attempts: [] },
  ...more,
})

const forecast = (given: readonly Given[], lasts: Durations | null = usual) => {
  const jobs = given.map(job)
  const begins = createForecast(jobs, {
    turn: () => ({ from: 10 * minute, to: 20 * minute }),
    lasts: () => lasts,
  })
  return (key: string) => begins(jobs.find((each) => each.key === key) ?? assert.fail())
}

test('the longest of what it waits for counts: what ended not at all, what runs up to its usual length, what is queued after its turn', () => {
  const begins = forecast([
    { key: 'done', status: 'passed' },
    { key: 'runs', status: 'running' },
    { key: 'queued', status: 'queued' },
    { key: 'a', needs: ['done', 'runs'] },
    { key: 'b', needs: ['runs', 'queued'] },
    { key: 'c', needs: ['a', 'b'] },
  ])
  assert.deepEqual(begins('a'), { from: 0, to: 3 * minute })
  assert.deepEqual(begins('b'), { from: 11 * minute, to: 23 * minute })
  assert.deepEqual(begins('c'), { from: 12 * minute, to: 26 * minute })
})

test('where a person or a lock comes first, or nothing is known, nothing is said', () => {
  const begins = forecast([
    { key: 'gate', kind: 'approval', status: 'on_hold' },
    { key: 'held', status: 'running', lock: { name: 'x', state: 'held' } },
    { key: 'asks', lock: { name: 'x', state: 'asked' } },
    { key: 'after gate', needs: ['gate'] },
    { key: 'after held', needs: ['held'] },
    { key: 'after asks', needs: ['asks'] },
    { key: 'will ask', needs: ['held'], lock: { name: 'y', state: 'free' } },
  ])
  assert.equal(begins('after gate'), null)
  assert.deepEqual(begins('after held'), { from: 0, to: 3 * minute })
  assert.equal(begins('after asks'), null)
  assert.equal(begins('will ask'), null)
  assert.equal(
    forecast(
      [
        { key: 'a', status: 'running' },
        { key: 'b', needs: ['a'] },
      ],
      null,
    )('b'),
    null,
  )
})

test('what takes no time of its own passes on what it waits for', () => {
  const begins = forecast([
    { key: 'a', status: 'running' },
    { key: 'join', kind: 'noop', needs: ['a'] },
    { key: 'b', needs: ['join'] },
  ])
  assert.deepEqual(begins('b'), { from: 0, to: 3 * minute })
})

test('two thousand jobs are looked at once each, in a chain or in a web; what needs itself is not known', () => {
  const keys = Array.from({ length: 2_000 }, (_, i) => `j${i}`)
  const after = (count: number) =>
    forecast(
      keys.map((key, i) =>
        i === 0 ? { key, status: 'running' } : { key, needs: keys.slice(Math.max(0, i - count), i) },
      ),
    )
  const start = performance.now()
  for (const count of [1, 20]) assert.equal(after(count)('j1999')?.to, 1_999 * 3 * minute)
  assert.ok(performance.now() - start < 5_000)
  const circle = forecast([
    { key: 'a', needs: ['b'] },
    { key: 'b', needs: ['a'] },
  ])
  assert.equal(circle('a'), null)
})
