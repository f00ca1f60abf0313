import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatId, type JobId, type WorkflowId } from '../base/ids.ts'
import { type Outcome, outcomes } from '../protocol/plan.ts'
import {
  decide,
  type JobState,
  newPlannedRun,
  newRun,
  nextHolder,
  outcomeOf,
  type QueueFacts,
  type RunEvent,
  type RunState,
  requestsOf,
  whyQueued,
} from './index.ts'
import { isFinal } from './state.ts'

const bytes = (n: number) =>
  Uint8Array.from({ length: 16 }, (_, i) => (i === 15 ? n & 255 : i === 14 ? n >> 8 : 0))
const jobId = (n: number): JobId => formatId('job', bytes(n))
const workflow: WorkflowId = formatId('workflow', bytes(1))
const planId = jobId(9999)

type Sketch = {
  key: string
  kind?: JobState['kind']
  needs?: Record<string, Outcome[]>
  shards?: number
  lock?: string | undefined
}

const jobsOf = (sketches: readonly Sketch[]): JobState[] => {
  let n = 0
  return sketches.flatMap(({ key, kind = 'job', needs = {}, shards = 1, lock }) =>
    Array.from({ length: shards }, () => ({
      id: jobId(++n),
      workflow,
      key,
      name: key,
      kind,
      needs: Object.entries(needs).map(([need, on]) => ({ key: need, on })),
      status: 'waiting' as const,
      skip: null,
      attempts: [],
      ...(lock === undefined ? {} : { lock: { name: lock, state: 'free' as const } }),
    })),
  )
}

const play = (state: RunState, ...events: RunEvent[]): RunState =>
  events.reduce((current, event) => decide(current, event).state, state)

const plannedBefore = (...sketches: Sketch[]): RunState =>
  play(newPlannedRun(planId), {
    kind: 'plan-known',
    workflows: [{ id: workflow, status: 'waiting' }],
    jobs: jobsOf(sketches),
  })

const planned = (...sketches: Sketch[]): RunState => plannedWith({}, ...sketches)

const plannedWith = (
  { rerunsLeft }: { readonly rerunsLeft?: number },
  ...sketches: readonly Sketch[]
): RunState =>
  play(
    newRun(planId),
    { kind: 'claimed', job: planId, number: 1 },
    {
      kind: 'planned',
      job: planId,
      number: 1,
      workflows: [{ id: workflow, status: 'waiting', ...(rerunsLeft === undefined ? {} : { rerunsLeft }) }],
      jobs: jobsOf(sketches),
    },
  )

const job = (state: RunState, key: string): JobState => state.jobs.find((candidate) => candidate.key === key)!
const run = (state: RunState, key: string, outcome: Outcome, number = 1): RunState => {
  const { id } = job(state, key)
  return play(state, { kind: 'claimed', job: id, number }, { kind: 'finished', job: id, number, outcome })
}
const check = (state: RunState, expected: Record<string, string>) =>
  assert.deepEqual(
    {
      run: state.status,
      ...Object.fromEntries(
        Object.keys(expected)
          .filter((k) => k !== 'run')
          .map((key) => [key, job(state, key).status]),
      ),
    },
    { run: state.status, ...expected },
  )

test('a run is what its plan attempt is until there is a plan', () => {
  const state = newRun(planId)
  assert.equal(state.status, 'queued')
  assert.equal(play(state, { kind: 'claimed', job: planId, number: 1 }).status, 'running')
  assert.equal(run(state, 'plan', 'failed').status, 'failed')
  assert.equal(planned().status, 'skipped')
})

test('jobs start when every need was met, at once or one after the other', () => {
  let state = planned(
    { key: 'a' },
    { key: 'b' },
    { key: 'c', needs: { a: ['passed'], b: ['passed', 'failed'] } },
  )
  check(state, { run: 'queued', a: 'queued', b: 'queued', c: 'waiting' })
  state = run(state, 'a', 'passed')
  check(state, { a: 'passed', c: 'waiting' })
  state = run(state, 'b', 'failed')
  check(state, { run: 'queued', c: 'queued' })
  check(run(state, 'c', 'passed'), { run: 'failed', c: 'passed' })
})

test('a need that cannot be met any more skips the job, and that can satisfy others', () => {
  const state = planned(
    { key: 'a' },
    { key: 'b', needs: { a: ['passed'] } },
    { key: 'c', needs: { b: ['skipped:needs'] } },
    { key: 'd', needs: { c: ['failed'] } },
  )
  const after = run(state, 'a', 'failed')
  check(after, { run: 'queued', a: 'failed', b: 'skipped', c: 'queued', d: 'waiting' })
  assert.equal(job(after, 'b').skip, 'needs')
  check(run(after, 'c', 'passed'), { run: 'failed', d: 'skipped' })
})

test('a sharded job has the outcome of all its shards', () => {
  let state = planned(
    { key: 'a', shards: 3 },
    { key: 'b', needs: { a: ['passed'] } },
    { key: 'c', needs: { a: ['failed'] } },
  )
  for (const [i, outcome] of (['passed', 'failed', 'passed'] as const).entries()) {
    assert.equal(job(state, 'b').status, 'waiting')
    const { id } = state.jobs.filter((candidate) => candidate.key === 'a')[i]!
    state = play(
      state,
      { kind: 'claimed', job: id, number: 1 },
      { kind: 'finished', job: id, number: 1, outcome },
    )
  }
  check(state, { b: 'skipped', c: 'queued' })
})

test('a noop passes at once, an approval waits for a person, a lock is refused', () => {
  const state = planned(
    { key: 'n', kind: 'noop' },
    { key: 'a', kind: 'approval', needs: { n: ['passed'] } },
    { key: 'l', kind: 'lock' },
    { key: 'j', needs: { l: ['passed'] } },
  )
  check(state, { run: 'on_hold', n: 'passed', a: 'on_hold', l: 'skipped', j: 'skipped' })
  assert.equal(job(state, 'l').skip, 'policy')
})

test('what waits for a person goes on or stops with the answer, and is asked once', () => {
  const state = planned(
    { key: 'ok', kind: 'approval' },
    { key: 'yes', needs: { ok: ['passed'] } },
    { key: 'no', needs: { ok: ['cancelled'] } },
  )
  check(state, { run: 'on_hold', ok: 'on_hold', yes: 'waiting' })
  const answer = (kind: 'approved' | 'rejected' | 'approval-expired') =>
    play(state, { kind, job: job(state, 'ok').id })
  check(answer('approved'), { run: 'queued', ok: 'passed', yes: 'queued', no: 'skipped' })
  const rejected = answer('rejected')
  check(rejected, { run: 'queued', ok: 'cancelled', yes: 'skipped', no: 'queued' })
  assert.equal(
    whyQueued(rejected.jobs, job(rejected, 'yes'), { facts: () => assert.fail() })?.text,
    'Skipped because ok was not approved',
  )
  assert.deepEqual(answer('approval-expired'), rejected, 'nobody answered: as after a no')
  const held = (until: string | null) =>
    whyQueued(state.jobs, job(state, 'ok'), { facts: () => assert.fail(), holdUntil: () => until })?.text
  assert.deepEqual(
    [held(null), held('2026-12-21 14:05 UTC')],
    ['Waits for a person to approve', 'Waits for a person to approve, until 2026-12-21 14:05 UTC'],
  )
  for (const kind of ['approved', 'rejected', 'approval-expired'] as const)
    assert.deepEqual(decide(rejected, { kind, job: job(rejected, 'ok').id }).changes, [])
  assert.deepEqual(decide(state, { kind: 'approved', job: job(state, 'yes').id }).changes, [])
  check(play(state, { kind: 'cancel-requested' }), { run: 'cancelled', ok: 'cancelled', yes: 'cancelled' })
})

test('our own failure is tried once more and never replaces the attempt', () => {
  let state = run(planned({ key: 'a' }), 'a', 'errored')
  check(state, { run: 'queued', a: 'queued' })
  assert.deepEqual(
    job(state, 'a').attempts.map((attempt) => attempt.status),
    ['errored', 'queued'],
  )
  const { id } = job(state, 'a')
  state = play(state, { kind: 'claimed', job: id, number: 2 }, { kind: 'lost', job: id, number: 2 })
  check(state, { run: 'errored', a: 'errored' })
  assert.equal(job(state, 'a').attempts.length, 2)
})

test('what failed is carried out again: attempts are added, what passed stays, what was skipped waits again', () => {
  let state = planned(
    { key: 'a' },
    { key: 'b', needs: { a: ['passed'] } },
    { key: 'c', needs: { b: ['passed'] } },
    { key: 'd', needs: { b: ['failed'] } },
  )
  state = run(run(state, 'a', 'passed'), 'b', 'failed')
  state = run(state, 'd', 'passed')
  check(state, { run: 'failed', a: 'passed', b: 'failed', c: 'skipped', d: 'passed' })
  const { state: again, changes } = decide(state, { kind: 'rerun', jobs: 'failed' })
  check(again, { run: 'queued', a: 'passed', b: 'queued', c: 'waiting', d: 'passed' })
  assert.deepEqual(changes.slice(0, 2), [
    { kind: 'run-reopened' },
    { kind: 'run', from: 'failed', to: 'queued' },
  ])
  assert.deepEqual(
    job(again, 'b').attempts.map(({ number, cause, status }) => [number, cause, status]),
    [
      [1, 'start', 'failed'],
      [2, 'rerun', 'queued'],
    ],
  )
  const done = run(run(again, 'b', 'passed', 2), 'c', 'passed')
  check(done, { run: 'passed', a: 'passed', b: 'passed', c: 'passed', d: 'passed' })
  assert.deepEqual(decide(done, { kind: 'rerun', jobs: 'failed' }).changes, [])
})

test('a whole run is carried out again when it has ended, its plan stays', () => {
  const state = planned({ key: 'a' }, { key: 'ok', kind: 'approval', needs: { a: ['passed'] } })
  const waiting = run(state, 'a', 'passed')
  assert.deepEqual(decide(waiting, { kind: 'rerun', jobs: 'all' }).changes, [])
  const cancelled = play(waiting, { kind: 'cancel-requested' })
  check(cancelled, { run: 'cancelled', a: 'passed', ok: 'cancelled' })
  const again = play(cancelled, { kind: 'rerun', jobs: 'all' })
  check(again, { run: 'queued', plan: 'passed', a: 'queued', ok: 'waiting' })
  check(run(again, 'a', 'passed', 2), { run: 'on_hold', ok: 'on_hold' })
  const unplanned = run(newRun(planId), 'plan', 'failed')
  check(play(unplanned, { kind: 'rerun', jobs: 'all' }), { run: 'queued', plan: 'queued' })
})

test('one job is carried out again, also beside others, unless its needs ended otherwise', () => {
  let state = planned({ key: 'a' }, { key: 'b', needs: { a: ['passed'] } }, { key: 'c' })
  const named = (of: RunState, key: string): RunEvent => ({ kind: 'rerun', jobs: [job(of, key).id] })
  assert.deepEqual(decide(state, named(state, 'a')).changes, [])
  state = run(run(state, 'a', 'passed'), 'b', 'passed')
  state = play(state, named(state, 'a'))
  check(state, { run: 'queued', a: 'queued', b: 'passed', c: 'queued' })
  state = run(state, 'a', 'failed', 2)
  assert.deepEqual(decide(state, named(state, 'b')).changes, [])
  const ending = play(
    state,
    { kind: 'claimed', job: job(state, 'c').id, number: 1 },
    { kind: 'cancel-requested' },
  )
  assert.deepEqual(decide(ending, named(ending, 'a')).changes, [])
})

test('a rerun has an automatic retry of its own', () => {
  let state = run(run(planned({ key: 'a' }), 'a', 'errored'), 'a', 'errored', 2)
  check(state, { run: 'errored' })
  state = run(play(state, { kind: 'rerun', jobs: 'failed' }), 'a', 'errored', 3)
  check(state, { run: 'queued' })
  check(run(state, 'a', 'errored', 4), { run: 'errored' })
  assert.deepEqual(
    job(state, 'a').attempts.map(({ cause }) => cause),
    ['start', 'retry', 'rerun', 'retry'],
  )
})

test('cancelling stops what has not begun and asks the rest to stop', () => {
  const started = planned({ key: 'a' }, { key: 'b' }, { key: 'c', needs: { a: ['passed', 'cancelled'] } })
  const { id } = job(started, 'a')
  const state = play(started, { kind: 'claimed', job: id, number: 1 }, { kind: 'cancel-requested' })
  check(state, { run: 'running', a: 'running', b: 'cancelled', c: 'cancelled' })
  assert.equal(job(state, 'a').attempts[0]!.cancelRequested, true)
  check(play(state, { kind: 'finished', job: id, number: 1, outcome: 'cancelled' }), {
    run: 'cancelled',
    a: 'cancelled',
  })
  check(play(state, { kind: 'finished', job: id, number: 1, outcome: 'errored' }), {
    run: 'errored',
    a: 'errored',
  })
  check(play(state, { kind: 'lost', job: id, number: 1 }), { run: 'cancelled', a: 'cancelled' })
})

test('one job is cancelled beside others, which follow as after any end', () => {
  const started = planned(
    { key: 'a' },
    { key: 'b', needs: { a: ['passed'] } },
    { key: 'c', needs: { a: ['cancelled'] } },
    { key: 'd' },
  )
  const cancel = (state: RunState, ...keys: string[]) =>
    play(state, { kind: 'cancel-jobs', jobs: keys.map((key) => job(state, key).id) })
  check(cancel(started, 'a'), { run: 'queued', a: 'cancelled', b: 'skipped', c: 'queued', d: 'queued' })
  const { id } = job(started, 'a')
  const running = play(started, { kind: 'claimed', job: id, number: 1 })
  const asked = cancel(running, 'a')
  check(asked, { run: 'running', a: 'running', b: 'waiting', d: 'queued' })
  assert.equal(job(asked, 'a').attempts[0]!.cancelRequested, true)
  check(play(asked, { kind: 'finished', job: id, number: 1, outcome: 'cancelled' }), {
    a: 'cancelled',
    c: 'queued',
  })
  check(play(asked, { kind: 'finished', job: id, number: 1, outcome: 'errored' }), { a: 'errored' })
  check(play(asked, { kind: 'lost', job: id, number: 1 }), { a: 'cancelled', c: 'queued' })
  check(play(asked, { kind: 'released', job: id, number: 1 }), { a: 'cancelled', c: 'queued' })
  assert.deepEqual(decide(asked, { kind: 'cancel-jobs', jobs: [id] }).changes, [])
  const done = run(planned({ key: 'a' }), 'a', 'passed')
  assert.deepEqual(decide(done, { kind: 'cancel-jobs', jobs: [job(done, 'a').id] }).changes, [])
})

test('a plan that comes after the cancel starts nothing', () => {
  const state = play(
    newRun(planId),
    { kind: 'claimed', job: planId, number: 1 },
    { kind: 'cancel-requested' },
    {
      kind: 'planned',
      job: planId,
      number: 1,
      workflows: [{ id: workflow, status: 'waiting' }],
      jobs: jobsOf([{ key: 'a' }]),
    },
  )
  check(state, { run: 'cancelled', a: 'cancelled' })
})

const made = (sketches: readonly Sketch[]): RunEvent => ({
  ...{ kind: 'plan-made', job: planId, number: 1 },
  ...{ workflows: [{ id: workflow, status: 'waiting' }], jobs: jobsOf(sketches) },
})
const madeBy = (...sketches: Sketch[]): RunState =>
  play(newRun(planId), { kind: 'claimed', job: planId, number: 1 }, made(sketches))
const endOfPlan = (outcome: Outcome): RunEvent => ({ kind: 'finished', job: planId, number: 1, outcome })

test('jobs begin when the plan is made; the run is not over before its attempt is', () => {
  const started = madeBy({ key: 'a' })
  check(started, { run: 'running', plan: 'running', a: 'queued' })
  const done = run(started, 'a', 'passed')
  check(done, { run: 'running', a: 'passed' })
  const again = made([{ key: 'a' }])
  const passed = play(done, { ...again, kind: 'planned' } as RunEvent)
  check(passed, { run: 'passed', plan: 'passed', a: 'passed' })
  assert.equal(passed.jobs.length, 2)
})

test('a plan attempt that breaks after its plan is tried again, and its plan is not added twice', () => {
  const broken = play(madeBy({ key: 'a' }), endOfPlan('errored'))
  check(broken, { run: 'queued', plan: 'queued', a: 'queued' })
  const second = play(broken, { kind: 'claimed', job: planId, number: 2 }, {
    ...made([{ key: 'b' }]),
    kind: 'planned',
    number: 2,
  } as RunEvent)
  check(run(second, 'a', 'passed'), { run: 'passed', plan: 'passed', a: 'passed' })
  assert.deepEqual(
    second.jobs.map(({ key }) => key),
    ['plan', 'a'],
  )
})

test('a plan whose second attempt breaks as well makes the run errored, whatever its jobs are', () => {
  const state = play(
    run(madeBy({ key: 'a' }), 'a', 'passed'),
    endOfPlan('errored'),
    { kind: 'claimed', job: planId, number: 2 },
    { kind: 'lost', job: planId, number: 2 },
  )
  check(state, { run: 'errored', plan: 'errored', a: 'passed' })
})

test('a plan of an attempt that is over, or not the one, adds nothing', () => {
  const failed = play(newRun(planId), { kind: 'claimed', job: planId, number: 1 }, endOfPlan('failed'))
  assert.deepEqual(decide(failed, made([{ key: 'a' }])).changes, [])
  assert.deepEqual(decide(newRun(planId), made([{ key: 'a' }])).changes, [])
})

test('an event that does not fit changes nothing', () => {
  const state = run(planned({ key: 'a' }), 'a', 'passed')
  const { id } = job(state, 'a')
  for (const event of [
    { kind: 'claimed', job: id, number: 1 },
    { kind: 'finished', job: id, number: 1, outcome: 'failed' },
    { kind: 'lost', job: id, number: 1 },
    { kind: 'finished', job: id, number: 2, outcome: 'failed' },
    { kind: 'lost', job: jobId(500), number: 1 },
  ] satisfies RunEvent[])
    assert.deepEqual(decide(state, event).changes, [])
})

test('a changed job is told with where it came from', () => {
  const state = planned({ key: 'a' }, { key: 'b', needs: { a: ['passed'] } })
  const { id } = job(state, 'a')
  assert.deepEqual(decide(state, { kind: 'claimed', job: id, number: 1 }).changes, [
    { kind: 'run', from: 'queued', to: 'running' },
    { kind: 'workflow', workflow, from: 'queued', to: 'running' },
    { kind: 'job', job: id, from: 'queued', to: 'running', skip: null },
    { kind: 'attempt', job: id, number: 1, from: 'queued', to: 'running' },
  ])
})

test('why a job waits is a sentence with a name', () => {
  const state = run(
    planned(
      { key: 'a' },
      { key: 'b', needs: { a: ['passed'] } },
      { key: 'c' },
      { key: 'd', needs: { c: ['passed'] } },
    ),
    'a',
    'failed',
  )
  const facts =
    (
      runners: { name: string; classes: string[] }[],
      ahead = 0,
      more: Partial<QueueFacts> = {},
    ): ((job: JobState) => QueueFacts) =>
    () => ({
      ...{ class: 'large', ahead, held: null, durations: null },
      ...{ runners: runners.map((runner) => ({ ...runner, slots: 2 })), ...more },
    })
  const why = (key: string, f = facts([])) => whyQueued(state.jobs, job(state, key), { facts: f })?.text
  assert.equal(why('b'), 'Skipped because a failed')
  assert.equal(why('d'), 'Waits for c')
  assert.equal(why('c'), 'No runner is online')
  assert.equal(
    why('c', facts([{ name: 'r', classes: ['small', 'medium'] }])),
    'No runner offers the class large; those online offer medium, small',
  )
  const large = [{ name: 'r', classes: ['large'] }]
  assert.equal(why('c', facts(large, 3)), '3 ahead for a place of class large')
  const durations = { fromMs: 40_000, toMs: 130_000 }
  assert.equal(
    why('c', facts(large, 3, { durations })),
    '3 ahead for a place of class large; likely in 40 s to 5 min',
  )
  assert.equal(
    why('c', facts(large, 0, { durations })),
    'Next for a place of class large; likely within 3 min',
  )
  const held = { of: 'project', name: 'web', max: 1 } as const
  const limited = whyQueued(state.jobs, job(state, 'c'), { facts: facts(large, 2, { durations, held }) })
  assert.deepEqual(limited, {
    code: 'concurrency_limit',
    text: 'At most 1 job of the project web at once; 2 before it; likely in 80 s to 7 min',
    job_id: null,
    expected_ms: { from: 80_000, to: 390_000 },
  })
  const ofAll = { of: 'organisation', name: 'acme', max: 5 } as const
  assert.equal(
    why('c', facts(large, 0, { held: ofAll })),
    'At most 5 jobs of all projects of acme at once; next',
  )
})

/** Small deterministic generator (mulberry32), so that a failure names its seed. */
const random = (seed: number) => () => {
  seed = (seed + 0x6d2b79f5) | 0
  let t = Math.imul(seed ^ (seed >>> 15), 1 | seed)
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
  return ((t ^ (t >>> 14)) >>> 0) / 4294967296
}

test('a known plan begins at its jobs; one that brings nothing for the event ends the run', () => {
  const state = plannedBefore({ key: 'a' }, { key: 'b', needs: { a: ['passed'] } })
  check(state, { run: 'queued', a: 'queued', b: 'waiting' })
  check(run(run(state, 'a', 'passed'), 'b', 'passed'), { run: 'passed', a: 'passed', b: 'passed' })
  assert.equal(play(newPlannedRun(planId), { kind: 'plan-known', workflows: [], jobs: [] }).status, 'skipped')
})

test('an attempt that its runner never got is queued again as the same attempt', () => {
  const state = planned({ key: 'a' })
  const { id } = job(state, 'a')
  const claimed = play(state, { kind: 'claimed', job: id, number: 1 })
  const { state: released, changes } = decide(claimed, { kind: 'released', job: id, number: 1 })
  check(released, { run: 'queued', a: 'queued' })
  assert.deepEqual(job(released, 'a').attempts, [
    { number: 1, cause: 'start', status: 'queued', cancelRequested: false },
  ])
  assert.deepEqual(
    changes.filter(({ kind }) => kind === 'attempt'),
    [{ kind: 'attempt', job: id, number: 1, from: 'running', to: 'queued' }],
  )
  const cancelled = play(claimed, { kind: 'cancel-requested' }, { kind: 'released', job: id, number: 1 })
  check(cancelled, { run: 'cancelled', a: 'cancelled' })
})

test('random graphs, cycles among them, always end, also when carried out again, and no job runs before its needs', () => {
  for (let seed = 1; seed <= 300; seed++) {
    const next = random(seed)
    const below = (n: number) => Math.floor(next() * n)
    const pick = <T>(items: readonly T[]): T => items[below(items.length)]!
    const size = 1 + below(14)
    const hasCycles = seed % 5 === 0
    const sketches = Array.from({ length: size }, (_, i): Sketch => {
      const others = Array.from({ length: below(4) }, () => below(hasCycles ? size : i)).filter(
        (j) => j !== i && (hasCycles || i > 0),
      )
      return {
        key: `j${i}`,
        kind: next() < 0.8 ? 'job' : pick(['noop', 'lock', 'unlock', 'approval'] as const),
        shards: 1 + below(3),
        needs: Object.fromEntries(
          others.map((j) => [`j${j}`, next() < 0.6 ? ['passed'] : [pick(outcomes), pick(outcomes)]]),
        ),
        lock: next() < 0.3 ? pick(['x', 'y']) : undefined,
      }
    })
    let state = plannedWith(seed % 3 === 0 ? { rerunsLeft: 1 + below(2) } : {}, ...sketches)
    let isFirst = true
    let isAgain = false
    for (let i = 0; i < 500 && !(isFinal(state.status) && !isFirst); i++) {
      if (isFinal(state.status)) {
        isFirst = false
        state = play(state, { kind: 'rerun', jobs: pick(['all', 'failed'] as const) })
        continue
      }
      const event = randomEvent(state, next)
      assert.ok(event, `seed ${seed}: nothing can happen and the run is ${state.status}`)
      const decision = decide(state, event)
      assert.deepEqual(
        decide(onlyConcerned(state, event), event).changes,
        decision.changes,
        `seed ${seed}: what is left out decides nothing`,
      )
      // What took the end of a job for what it needs has begun when that job is carried out again.
      isAgain ||= !isFirst || decision.changes.some(({ kind }) => kind === 'workflow-reruns')
      if (!isAgain) checkInvariants(decision.state, seed)
      checkLocks(decision.state, seed)
      assert.ok(decision.changes.length > 0, `seed ${seed}: an event that fits changes something`)
      state = decision.state
    }
    assert.ok(isFinal(state.status), `seed ${seed}`)
    assert.ok(
      state.jobs.every((candidate) => isFinal(candidate.status)),
      `seed ${seed}: a job never ended`,
    )
  }
})

/** What a store may leave out: what happens cannot change it, and nothing that waits needs it. */
const onlyConcerned = (state: RunState, event: RunEvent): RunState => {
  if (event.kind === 'cancel-requested' || event.kind === 'rerun') return state
  const waiting = event.kind === 'claimed' ? [] : state.jobs.filter(({ status }) => status === 'waiting')
  const isNeeded = ({ key }: JobState) => waiting.some(({ needs }) => needs.some((need) => need.key === key))
  const isConcerned = (candidate: JobState) =>
    ('job' in event && candidate.id === event.job) ||
    (isOfLock(event) && event.jobs.includes(candidate.id)) ||
    waiting.includes(candidate) ||
    isNeeded(candidate) ||
    (event.kind !== 'claimed' && (candidate.lock !== undefined || isRerunAlone(state, candidate)))
  return {
    ...state,
    jobs: state.jobs.filter(isConcerned),
    others: state.jobs
      .filter((candidate) => !isConcerned(candidate))
      .map(({ workflow, status, skip }) => ({ workflow, status, skip })),
  }
}

const isOfLock = (event: RunEvent) => event.kind === 'lock-granted' || event.kind === 'lock-refused'

const isRerunAlone = ({ workflows }: RunState, { workflow: own }: JobState): boolean =>
  workflows.some(({ id, rerunsLeft = 0 }) => id === own && rerunsLeft > 0)

/** Locks of one name are granted one at a time, and now and then refused. */
const lockEvents = (state: RunState, next: () => number): readonly RunEvent[] =>
  [...requestsOf(state).values()].flatMap((requests): RunEvent[] => {
    const { grant } = nextHolder(requests)
    if (grant === null) return []
    const { jobs } = grant
    if (next() < 0.9) return [{ kind: 'lock-granted', jobs }]
    return [{ kind: 'lock-refused', jobs, why: next() < 0.5 ? 'replaced' : 'too-long' }]
  })

const randomEvent = (state: RunState, next: () => number): RunEvent | null => {
  if (!state.cancelRequested && next() < 0.02) return { kind: 'cancel-requested' }
  const held: RunEvent[] = state.jobs
    .filter(({ status }) => status === 'on_hold')
    .map(({ id }) => ({ kind: next() < 0.7 ? 'approved' : 'rejected', job: id }))
  const possible = state.jobs.flatMap(({ id, attempts }) =>
    attempts.flatMap(({ number, status }): RunEvent[] => {
      if (status === 'queued') return [{ kind: 'claimed', job: id, number }]
      if (status !== 'running') return []
      const outcome = next() < 0.6 ? 'passed' : outcomes[Math.floor(next() * outcomes.length)]!
      return [
        next() < 0.1
          ? { kind: next() < 0.5 ? 'lost' : 'released', job: id, number }
          : { kind: 'finished', job: id, number, outcome },
      ]
    }),
  )
  const all = [...possible, ...held, ...lockEvents(state, next)]
  return all[Math.floor(next() * all.length)] ?? null
}

const checkInvariants = (state: RunState, seed: number) => {
  for (const candidate of state.jobs) {
    const liveAttempts = candidate.attempts.filter(
      ({ status }) => status === 'queued' || status === 'running',
    )
    assert.ok(liveAttempts.length <= 1, `seed ${seed}: two live attempts of one job`)
    assert.equal(
      liveAttempts[0]?.status ?? candidate.status,
      candidate.status,
      `seed ${seed}: job and attempt disagree`,
    )
    assert.ok(
      // One for each start or rerun, and as many by itself as its workflow allows.
      candidate.attempts.filter(({ cause, status }) => cause === 'retry' && status === 'errored').length <=
        candidate.attempts.filter(({ cause }) => cause !== 'retry').length,
      `seed ${seed}: too many retries`,
    )
    if (candidate.attempts.length === 0) continue
    for (const need of candidate.needs)
      for (const other of state.jobs.filter((o) => o.workflow === candidate.workflow && o.key === need.key))
        assert.ok(outcomeOf(other), `seed ${seed}: ${candidate.key} began before ${other.key} had ended`)
  }
}

const checkLocks = (state: RunState, seed: number) => {
  for (const [name, requests] of requestsOf(state))
    assert.ok(requests.filter(({ isHeld }) => isHeld).length <= 1, `seed ${seed}: ${name} is held twice`)
  for (const { kind, status, lock } of state.jobs) {
    if (kind === 'job' && lock !== undefined && (status === 'queued' || status === 'running'))
      assert.equal(lock.state, 'held', `seed ${seed}: began without its lock`)
    if (isFinal(state.status)) assert.notEqual(lock?.state, 'asked', `seed ${seed}: asks for ever`)
    if (isFinal(state.status)) assert.notEqual(lock?.state, 'held', `seed ${seed}: holds for ever`)
  }
}

const second: WorkflowId = formatId('workflow', bytes(2))
const continuedBy = (state: RunState, key: string, ...keys: string[]): RunEvent => ({
  ...{ kind: 'continued', job: job(state, key).id, number: 1 },
  workflows: [{ id: second, status: 'waiting' }],
  jobs: jobsOf(keys.map((name) => ({ key: name }))).map((each, i) => ({
    ...{ ...each, id: jobId(100 + i), workflow: second },
  })),
})

test('a run goes on once, by a job that is under way, and is what both plans are', () => {
  let state = planned({ key: 'setup' }, { key: 'other' })
  assert.deepEqual(decide(state, continuedBy(state, 'setup', 'a')).changes, [], 'nobody is at it')
  const claimed = ['setup', 'other'].map(
    (key) => ({ kind: 'claimed', job: job(state, key).id, number: 1 }) as const,
  )
  state = play(state, ...claimed)
  const decision = decide(state, continuedBy(state, 'setup', 'a', 'b'))
  assert.deepEqual(
    decision.changes.map(({ kind }) => kind),
    ['workflow-added', 'job-added', 'attempt-added', 'job-added', 'attempt-added'],
  )
  state = decision.state
  check(state, { run: 'running', setup: 'running', a: 'queued', b: 'queued' })
  assert.deepEqual(
    state.workflows.map(({ isContinued }) => isContinued === true),
    [false, true],
  )
  assert.deepEqual(decide(state, continuedBy(state, 'other', 'c')).changes, [], 'a second time')
  for (const key of ['a', 'b']) state = run(state, key, key === 'a' ? 'passed' : 'failed')
  check(state, { run: 'running', setup: 'running', a: 'passed', b: 'failed' })
  for (const key of ['setup', 'other'])
    state = play(state, { kind: 'finished', job: job(state, key).id, number: 1, outcome: 'passed' })
  check(state, { run: 'failed', setup: 'passed' })
  const again = play(state, { kind: 'rerun', jobs: 'failed' })
  check(again, { run: 'queued', setup: 'passed', b: 'queued' })
})

test('what a cancelled run goes on with does not begin', () => {
  let state = planned({ key: 'setup' })
  state = play(
    state,
    { kind: 'claimed', job: job(state, 'setup').id, number: 1 },
    { kind: 'cancel-requested' },
  )
  state = play(state, continuedBy(state, 'setup', 'a'))
  check(state, { run: 'running', setup: 'running', a: 'cancelled' })
})
