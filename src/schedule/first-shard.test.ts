// A job whose first shard finishes it: that one begins when the others have passed, waits for nobody while it holds a place,
// and a lock is still one for all of them.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatId } from '../base/ids.ts'
import type { Outcome, Plan, PlanJob } from '../protocol/plan.ts'
import {
  decide,
  expandPlan,
  newPlannedRun,
  nextHolder,
  type RunEvent,
  type RunState,
  requestsOf,
  whyQueued,
} from './index.ts'

const bytes = (n: number) => Uint8Array.from({ length: 16 }, (_, i) => (i === 15 ? n : 0))

const job = (key: string, shards: number, more: Partial<PlanJob> = {}, isShared = true): PlanJob => ({
  ...{ key, name: key, kind: 'job', needs: [], shards },
  spec: {
    ...{
      v: 1,
      dialect: 'circleci',
      image: { kind: 'machine', ref: null },
      services: [],
      resourceClass: null,
    },
    ...{ workdir: '~', env: [], contexts: [], egress: null, timeoutMs: 1000 },
    steps: [
      {
        ...{ kind: 'run', name: 'deploy', when: 'on_success', command: 'true', shell: null, env: [] },
        ...{ background: false, workdir: null, noOutputTimeoutMs: 1, maxAutoReruns: 0, autoRerunDelayMs: 0 },
        ...(isShared ? { firstShardOnly: true } : {}),
      },
    ],
  },
  ...more,
})

const begun = (...jobs: readonly PlanJob[]): RunState => {
  let n = 0
  const plan = { workflows: [{ name: 'w', jobs }] } as unknown as Plan
  const ids = {
    workflow: () => formatId('workflow', bytes(1)),
    job: () => formatId('job', bytes(++n)),
  }
  const { workflows, jobs: expanded } = expandPlan(plan, ids)
  return decide(newPlannedRun(formatId('job', bytes(99))), {
    kind: 'plan-known',
    workflows: workflows.map(({ state }) => state),
    jobs: expanded.map(({ state }) => state),
  }).state
}

const shardsOf = (state: RunState, key = 'test') => state.jobs.filter((each) => each.key === key)
const statuses = (state: RunState, key?: string) => shardsOf(state, key).map(({ status }) => status)
const play = (state: RunState, ...events: RunEvent[]): RunState => decide(state, ...events).state
const end = (state: RunState, at: number, outcome: Outcome): RunState => {
  const { id, attempts } = shardsOf(state)[at]!
  const number = attempts.length
  return play(state, { kind: 'claimed', job: id, number }, { kind: 'finished', job: id, number, outcome })
}

test('the first shard begins when all others have passed', () => {
  let state = begun(job('test', 3), job('after', 1, { needs: [{ job: 'test', on: ['passed'] }] }))
  assert.deepEqual(statuses(state), ['waiting', 'queued', 'queued'])
  const reason = () =>
    whyQueued(state.jobs, shardsOf(state)[0]!, { facts: () => assert.fail('it is not queued') })?.text
  assert.equal(reason(), 'Waits for the other copies of this job')
  state = end(state, 1, 'passed')
  assert.deepEqual(statuses(state), ['waiting', 'passed', 'queued'])
  state = end(state, 2, 'unstable')
  assert.deepEqual(statuses(state), ['queued', 'passed', 'unstable'])
  state = end(state, 0, 'passed')
  assert.deepEqual(statuses(state, 'after'), ['skipped'], 'the job as a whole is unstable')
})

test('when another one failed it is left out, and begins with the rerun of that one', () => {
  let state = end(end(begun(job('test', 3)), 1, 'failed'), 2, 'passed')
  assert.deepEqual([state.status, statuses(state)], ['failed', ['skipped', 'failed', 'passed']])
  const why = whyQueued(state.jobs, shardsOf(state)[0]!, { facts: () => assert.fail('not queued') })
  assert.equal(why?.text, 'Skipped because another copy of it failed')
  state = play(state, { kind: 'rerun', jobs: 'failed' })
  assert.deepEqual(statuses(state), ['waiting', 'queued', 'passed'])
  state = end(state, 1, 'passed')
  assert.deepEqual(statuses(state), ['queued', 'passed', 'passed'])
})

test('without such a step, or without others, all begin together', () => {
  assert.deepEqual(statuses(begun(job('test', 3, {}, false))), ['queued', 'queued', 'queued'])
  assert.deepEqual(statuses(begun(job('test', 1))), ['queued'])
})

test('the shards ask for a lock together, hold it together and let it go at the end of the last', () => {
  let state = begun(job('test', 2, { lock: 'x' }), job('other', 1, { lock: 'x' }))
  const locks = () => state.jobs.filter(({ lock }) => lock).map(({ key, lock }) => `${key} ${lock?.state}`)
  assert.deepEqual(locks(), ['test asked', 'test asked', 'other asked'])
  const { grant } = nextHolder(requestsOf(state).get('x') ?? [])
  assert.equal(grant?.jobs.length, 2)
  state = play(state, { kind: 'lock-granted', jobs: grant.jobs })
  assert.deepEqual(statuses(state), ['waiting', 'queued'])
  state = end(state, 1, 'passed')
  assert.deepEqual(statuses(state), ['queued', 'passed'])
  assert.deepEqual(locks(), ['test held', 'test held', 'other asked'])
  state = end(state, 0, 'passed')
  assert.deepEqual(locks(), ['test free', 'test free', 'other asked'])
})
