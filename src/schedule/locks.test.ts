// Serial groups, locks and reruns of workflows: one at a time, in order, and let go at every end.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatId, type JobId, type WorkflowId } from '../base/ids.ts'
import type { Outcome, PlanJob } from '../protocol/plan.ts'
import {
  decide,
  type JobState,
  type LockRequest,
  newPlannedRun,
  nextHolder,
  type RunEvent,
  type RunState,
  requestsOf,
  whyQueued,
} from './index.ts'

const bytes = (n: number) => Uint8Array.from({ length: 16 }, (_, i) => (i === 15 ? n : 0))
const jobId = (n: number): JobId => formatId('job', bytes(n))
const workflow: WorkflowId = formatId('workflow', bytes(1))

type Sketch = {
  key: string
  kind?: PlanJob['kind']
  lock?: string
  needs?: Record<string, readonly Outcome[]>
}

const begun = (sketches: readonly Sketch[], rerunsLeft?: number): RunState =>
  decide(newPlannedRun(jobId(99)), {
    kind: 'plan-known',
    workflows: [{ id: workflow, status: 'waiting', ...(rerunsLeft === undefined ? {} : { rerunsLeft }) }],
    jobs: sketches.map(({ key, kind = 'job', lock, needs = {} }, i) => ({
      ...{ id: jobId(i + 1), workflow, key, name: key, kind, status: 'waiting', skip: null, attempts: [] },
      needs: Object.entries(needs).map(([need, on]) => ({ key: need, on })),
      ...(lock === undefined ? {} : { lock: { name: lock, state: 'free' } }),
    })),
  }).state

const play = (state: RunState, ...events: RunEvent[]): RunState => decide(state, ...events).state
const job = (state: RunState, key: string): JobState => state.jobs.find((each) => each.key === key)!
const looks = (state: RunState) =>
  Object.fromEntries(
    state.jobs
      .filter(({ kind }) => kind !== 'plan')
      .map(({ key, status, lock }) => [key, lock === undefined ? status : `${status} ${lock.state}`]),
  )
const grantNext = (state: RunState, name: string): RunState => {
  const { grant } = nextHolder(requestsOf(state).get(name) ?? [])
  assert.ok(grant, 'somebody is next')
  return play(state, { kind: 'lock-granted', jobs: grant.jobs })
}
const end = (state: RunState, key: string, outcome: Outcome): RunState => {
  const { id, attempts } = job(state, key)
  const number = attempts.length
  return play(state, { kind: 'claimed', job: id, number }, { kind: 'finished', job: id, number, outcome })
}

const passed = ['passed'] as const
const always: readonly Outcome[] = ['passed', 'failed', 'cancelled', 'skipped:needs', 'skipped:rule']

test('a job of a serial group begins when the lock is its own, and lets go at its end, whatever that is', () => {
  for (const outcome of ['passed', 'failed', 'cancelled'] as const) {
    let state = begun([{ key: 'a', lock: 'x' }, { key: 'b', lock: 'x' }, { key: 'free' }])
    assert.deepEqual(looks(state), { a: 'waiting asked', b: 'waiting asked', free: 'queued' })
    state = grantNext(state, 'x')
    assert.deepEqual(looks(state), { a: 'queued held', b: 'waiting asked', free: 'queued' })
    assert.equal(nextHolder(requestsOf(state).get('x') ?? []).grant, null)
    state = grantNext(end(state, 'a', outcome), 'x')
    assert.deepEqual(looks(state), { a: `${outcome} free`, b: 'queued held', free: 'queued' })
  }
})

test('our own failure does not cost a job its lock: the retry has it', () => {
  const state = end(grantNext(begun([{ key: 'a', lock: 'x' }]), 'x'), 'a', 'errored')
  assert.deepEqual(looks(state), { a: 'queued held' })
})

test('a job does not ask before what it needs has ended', () => {
  const state = begun([{ key: 'a' }, { key: 'b', lock: 'x', needs: { a: passed } }])
  assert.deepEqual(looks(state), { a: 'queued', b: 'waiting free' })
  assert.deepEqual(looks(end(state, 'a', 'passed')), { a: 'passed', b: 'waiting asked' })
  assert.deepEqual(looks(end(state, 'a', 'failed')), { a: 'failed', b: 'skipped free' })
})

const section: readonly Sketch[] = [
  { key: 'lock', kind: 'lock', lock: 'x' },
  { key: 'a', needs: { lock: passed } },
  { key: 'unlock', kind: 'unlock', lock: 'x', needs: { a: always } },
  { key: 'after', needs: { unlock: passed } },
]

test('a lock is held over several jobs, until its unlock has passed', () => {
  let state = begun(section)
  assert.deepEqual(looks(state), {
    lock: 'waiting asked',
    a: 'waiting',
    unlock: 'waiting free',
    after: 'waiting',
  })
  state = grantNext(state, 'x')
  assert.deepEqual(looks(state), {
    lock: 'passed held',
    a: 'queued',
    unlock: 'waiting free',
    after: 'waiting',
  })
  state = end(state, 'a', 'failed')
  assert.deepEqual(looks(state), { lock: 'passed free', a: 'failed', unlock: 'passed free', after: 'queued' })
})

test('cancelling frees the lock, and whoever was in line is not any more', () => {
  const held = play(grantNext(begun(section), 'x'), { kind: 'cancel-requested' })
  assert.deepEqual(looks(held), {
    lock: 'passed free',
    a: 'cancelled',
    unlock: 'cancelled free',
    after: 'cancelled',
  })
  assert.deepEqual(requestsOf(play(begun(section), { kind: 'cancel-requested' })), new Map())
})

test('what is rerun after a lock takes the lock again', () => {
  const failed = end(end(grantNext(begun(section), 'x'), 'a', 'failed'), 'after', 'passed')
  const again = play(failed, { kind: 'rerun', jobs: 'failed' })
  assert.deepEqual(looks(again), {
    lock: 'waiting asked',
    a: 'waiting',
    unlock: 'waiting free',
    after: 'passed',
  })
  const { a, unlock, lock } = looks(end(grantNext(again, 'x'), 'a', 'passed'))
  assert.deepEqual({ a, unlock, lock }, { a: 'passed', unlock: 'passed free', lock: 'passed free' })
})

test('who is refused is skipped or cancelled, and says why', () => {
  const state = begun([
    { key: 'a', lock: 'x' },
    { key: 'b', needs: { a: ['skipped:rule'] } },
  ])
  const { id } = job(state, 'a')
  const replaced = play(state, { kind: 'lock-refused', jobs: [id], why: 'replaced' })
  assert.deepEqual(looks(replaced), { a: 'skipped free', b: 'queued' })
  assert.deepEqual(why(replaced, 'a'), {
    code: 'serial_group',
    text: 'Skipped: a newer run of the project is in the serial group x',
    job_id: null,
  })
  const late = play(state, { kind: 'lock-refused', jobs: [id], why: 'too-long' })
  assert.deepEqual(looks(late), { a: 'cancelled free', b: 'skipped' })
})

const why = (state: RunState, key: string, isKnown = false) =>
  whyQueued(state.jobs, job(state, key), {
    facts: () => assert.fail('it is not queued'),
    holderOf: () => (isKnown ? { project: 'web', run: 12, job: 'deploy', ahead: 0, durations: null } : null),
  })

test('why it waits names the serial group, and who holds it when that is known', () => {
  const state = begun([{ key: 'a', lock: 'x' }])
  assert.equal(why(state, 'a')?.code, 'serial_group')
  assert.equal(why(state, 'a')?.text, 'Waits for its turn in the serial group x')
  assert.equal(why(state, 'a', true)?.text, 'Waits for the serial group x, which deploy of web #12 holds')
})

const request = (n: number, project: string, run: number, isHeld = false): LockRequest => ({
  ...{ jobs: [jobId(n)], project, run, isHeld },
})

test('the first in line is next; an older run of a project gives way to a newer one', () => {
  const [web1, api7, web2] = [request(1, 'web', 1), request(2, 'api', 7), request(3, 'web', 2)]
  assert.deepEqual(nextHolder([web1, api7]), { grant: web1, refuse: [] })
  assert.deepEqual(nextHolder([web1, api7, web2]), { grant: api7, refuse: [web1] })
  assert.deepEqual(nextHolder([web2, web1]), { grant: web2, refuse: [web1] })
  const holder = request(4, 'web', 3, true)
  assert.deepEqual(nextHolder([holder, web2, api7]), { grant: null, refuse: [web2] })
  assert.deepEqual(nextHolder([]), { grant: null, refuse: [] })
})

test('a workflow that failed is rerun from failed by itself, so often at most', () => {
  const sketches: readonly Sketch[] = [{ key: 'a' }, { key: 'b' }, { key: 'c', needs: { b: passed } }]
  let state = end(begun(sketches, 2), 'a', 'passed')
  state = end(state, 'b', 'failed')
  assert.deepEqual(looks(state), { a: 'passed', b: 'queued', c: 'waiting' })
  assert.equal(state.workflows[0]?.rerunsLeft, 1)
  state = end(end(state, 'b', 'passed'), 'c', 'timed_out')
  assert.deepEqual(looks(state), { a: 'passed', b: 'passed', c: 'queued' })
  state = end(state, 'c', 'failed')
  assert.deepEqual(looks(state), { a: 'passed', b: 'passed', c: 'failed' })
  assert.equal(state.status, 'failed')
  assert.deepEqual(looks(end(play(state, { kind: 'rerun', jobs: 'failed' }), 'c', 'failed')).c, 'failed')
})

test('it is not rerun by itself before everything in it has ended, nor once a person was there', () => {
  const sketches: readonly Sketch[] = [{ key: 'a' }, { key: 'b' }]
  assert.deepEqual(looks(end(begun(sketches, 1), 'a', 'failed')), { a: 'failed', b: 'queued' })
  const cancelled = play(end(begun(sketches, 1), 'a', 'failed'), { kind: 'cancel-requested' })
  assert.deepEqual(looks(cancelled), { a: 'failed', b: 'cancelled' })
  const stopped = end(begun(sketches, 1), 'a', 'failed')
  const alone = play(stopped, { kind: 'cancel-jobs', jobs: [job(stopped, 'b').id] })
  assert.deepEqual(looks(alone), { a: 'failed', b: 'cancelled' }, 'whoever cancels it does not want it again')
  const late = play(stopped, { kind: 'cancel-jobs', jobs: [job(stopped, 'a').id] })
  assert.deepEqual(looks(end(late, 'b', 'passed')), { a: 'queued', b: 'passed' }, 'that had ended')
  const passedOnce = end(end(begun(sketches, 1), 'a', 'passed'), 'b', 'passed')
  const again = play(passedOnce, { kind: 'rerun', jobs: 'all' })
  assert.deepEqual(looks(end(end(again, 'a', 'failed'), 'b', 'passed')), { a: 'failed', b: 'passed' })
})

test('what a rerun begins again is of the workflows that it is about: others stay as they ended', () => {
  const beside: WorkflowId = formatId('workflow', bytes(2))
  const one = begun([{ key: 'a' }, { key: 'told', needs: { a: passed } }], 1)
  const two = one.jobs.map((each, i) => ({
    ...each,
    id: jobId(i + 11),
    workflow: beside,
    key: `${each.key}2`,
  }))
  const needs = (each: JobState) => each.needs.map(({ key, on }) => ({ key: `${key}2`, on }))
  let state: RunState = {
    ...{ ...one, workflows: [...one.workflows, { id: beside, status: 'waiting' }] },
    jobs: [...one.jobs, ...two.slice(-2).map((each) => ({ ...each, needs: needs(each) }))],
  }
  const ended = { a2: 'failed', told2: 'skipped' }
  state = end(state, 'a2', 'failed')
  assert.deepEqual(looks(end(state, 'a', 'failed')), { a: 'queued', told: 'waiting', ...ended })
  const failed = end(end(state, 'a', 'failed'), 'a', 'failed')
  const again = play(failed, { kind: 'rerun', jobs: [job(failed, 'a').id] })
  assert.deepEqual(looks(again), { a: 'queued', told: 'waiting', ...ended })
})
