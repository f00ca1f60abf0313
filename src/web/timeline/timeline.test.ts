// What the timeline of a run says: segments, order, the path that counts, and what would make it shorter.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Job } from '../../protocol/api/shapes.ts'
import type { AttemptTimeline } from '../../protocol/api/timeline.ts'
import { layTimeline } from './timeline.ts'

const begin = Date.parse('2026-11-22T23:59:30.000Z')
const at = (seconds: number) => new Date(begin + seconds * 1_000).toISOString()
type Times = readonly [queued: number, started: number | null, finished: number | null, status: Job['status']]

const jobOf = (id: string, attempts: readonly Times[], more: Partial<Job> = {}): Job => ({
  ...{
    id,
    rev: 1,
    workflow_id: 'wfl_1',
    key: id,
    name: id,
    kind: 'job',
    reason: null,
    needs: [],
    image: null,
    class: 'small',
  },
  ...{ shard: 0, shards: 1, approvals: [], status: attempts.at(-1)?.[3] ?? 'waiting' },
  attempts: attempts.map(([queued, started, finished, status], i) => ({
    ...{
      id: `att_${i}`,
      number: i + 1,
      cause: 'start',
      status,
      runner: null,
      phase: null,
      failure: null,
      class: 'small',
    },
    ...{ queued_at: at(queued), started_at: started === null ? null : at(started) },
    ...{ finished_at: finished === null ? null : at(finished), duration_ms: null },
  })),
  ...more,
})
const needs = (...ids: readonly string[]) => ({ needs: ids.map((job_id) => ({ job_id, on: ['passed'] })) })
const lay = (jobs: readonly Job[], now = 600, rerun: number | null = null) =>
  layTimeline(
    {
      created_at: at(0),
      jobs: [...jobs],
      rerun: rerun === null ? null : { at: at(rerun), by: { id: 'usr_1', name: 'Ada' } },
    },
    begin + now * 1_000,
  )
const shown = ({ rows }: ReturnType<typeof lay>) =>
  rows.map(({ job, segments, isCritical }) => [
    `${job.id}${isCritical ? '!' : ''}`,
    ...segments.map(({ kind, from, to }) => `${kind} ${from / 1_000}-${to / 1_000}`),
  ])

test('each job has its waiting, its queue and its attempts; rows begin in the order of time', () => {
  const found = lay([
    jobOf('late', [[20, 22, 30, 'passed']], needs('early')),
    jobOf('early', [[0, 1, 20, 'passed']]),
    jobOf('beside', [[0, 1, 5, 'passed']]),
  ])
  assert.deepEqual(shown(found), [
    ['early!', 'queue 0-1', 'attempt 1-20'],
    ['beside', 'queue 0-1', 'attempt 1-5'],
    ['late!', 'waiting 0-20', 'queue 20-22', 'attempt 22-30'],
  ])
  assert.equal(found.ms, 30_000)
  assert.equal(found.criticalMs, 30_000)
  assert.deepEqual(found.ticks, [0, 5_000, 10_000, 15_000, 20_000, 25_000, 30_000])
})

test('what is not over goes on to now; what never began waits', () => {
  const found = lay(
    [
      jobOf('runs', [[0, 1, null, 'running']]),
      jobOf('queued', [[2, null, null, 'queued']]),
      jobOf('waits', [], needs('runs')),
      jobOf('skipped', [], { status: 'skipped' }),
    ],
    10,
  )
  assert.deepEqual(shown(found), [
    ['runs!', 'queue 0-1', 'attempt 1-10'],
    ['queued', 'queue 2-10'],
    ['waits', 'waiting 0-10'],
  ])
})

test('attempts of a job follow each other in its row; after a rerun the axis begins there', () => {
  const twice = jobOf('a', [
    [0, 1, 4, 'errored'],
    [5, 6, 9, 'failed'],
    [3_600, 3_602, 3_610, 'passed'],
  ])
  assert.deepEqual(shown(lay([twice], 3_700)), [
    ['a!', 'queue 0-1', 'attempt 1-4', 'queue 5-6', 'attempt 6-9', 'queue 3600-3602', 'attempt 3602-3610'],
  ])
  const old = jobOf('b', [[0, 1, 2, 'passed']])
  assert.deepEqual(shown(lay([twice, old], 3_700, 3_600)), [['a!', 'queue 0-2', 'attempt 2-10']])
})

test('levers: a long queue on the path, and a copy that takes longer than the others', () => {
  const copies = [10, 10, 40].map((seconds, shard) =>
    jobOf(`unit${shard}`, [[0, 5, 5 + seconds, 'passed']], { key: 'unit', name: 'unit', shard, shards: 3 }),
  )
  assert.deepEqual(lay(copies).levers, [
    { kind: 'shard', job: 'unit', copies: 3, ms: 20_000 },
    { kind: 'queue', job: 'unit', copies: 1, ms: 5_000 },
  ])
})

test('an empty run and a clock behind the server have an axis, too', () => {
  assert.deepEqual(lay([]), { ms: 1_000, ticks: [0, 1_000], rows: [], criticalMs: 0, levers: [] })
  assert.deepEqual(shown(lay([jobOf('a', [[0, 2, null, 'running']])], -5)), [
    ['a!', 'queue 0-2', 'attempt 2-2'],
  ])
})

test('levers: what would be saved by two jobs side by side, once everything has ended', () => {
  const early = jobOf('early', [[0, 0, 20, 'passed']])
  const late = jobOf('late', [[20, 20, 26, 'passed']], needs('early'))
  assert.deepEqual(lay([early, late]).levers, [
    { kind: 'serial', job: 'late', needs: 'early', copies: 1, ms: 6_000 },
  ])
  const running = jobOf('late', [[20, 20, null, 'running']], needs('early'))
  assert.deepEqual(lay([early, running], 26).levers, [])
})

const knownOf = (
  stages: readonly (readonly [AttemptTimeline['stages'][number]['name'], number])[],
  warmMs: number | null = null,
) =>
  new Map([
    [
      'att_0',
      {
        ...{ attempt_id: 'att_0', job_id: 'a', cache: { hits: 0, misses: 1 }, warm_ms: warmMs },
        stages: stages.map(([name, from]) => ({ name, started_at: at(from), duration_ms: null })),
      },
    ],
  ])
const layOne = (attempt: Times, known: ReturnType<typeof knownOf>, now = 600) =>
  layTimeline({ created_at: at(0), jobs: [jobOf('a', [attempt])], rerun: null }, begin + now * 1_000, known)
const stagesShown = ({ rows }: ReturnType<typeof layOne>) =>
  rows[0]?.segments.at(-1)?.stages.map(({ name, from, to }) => `${name} ${from / 1_000}-${to / 1_000}`)

test('stages lie in their attempt one after another, however the clocks go, and what is known may be old', () => {
  const stages = [
    ['queue', 0],
    ['sandbox', 2],
    ['checkout', 4],
    ['prepare', 4],
    ['steps', 5],
    ['teardown', 40],
  ] as const
  assert.deepEqual(stagesShown(layOne([0, 2, 30, 'passed'], knownOf(stages))), [
    ...['sandbox 2-4', 'prepare 4-5', 'steps 5-30'],
  ])
  assert.deepEqual(stagesShown(layOne([0, 3, null, 'running'], knownOf(stages.slice(0, 2)), 9)), [
    'sandbox 3-9',
  ])
  assert.deepEqual(stagesShown(layOne([0, 3, 9, 'passed'], new Map())), [])
})

test('levers: what a cold cache cost, by what warm ones usually take', () => {
  assert.deepEqual(layOne([0, 0, 90, 'passed'], knownOf([], 30_000)).levers, [
    { kind: 'cache', job: 'a', copies: 1, ms: 60_000 },
  ])
  assert.deepEqual(layOne([0, 0, 30, 'passed'], knownOf([], 29_900)).levers, [])
  assert.deepEqual(layOne([0, 0, 90, 'passed'], knownOf([])).levers, [])
})
