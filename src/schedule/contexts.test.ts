// Jobs that name contexts: which of them start, who is asked for, and what follows when one may not.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatId, type JobId, type WorkflowId } from '../base/ids.ts'
import type { Outcome, PlanJob } from '../protocol/plan.ts'
import {
  type ContextsOfJob,
  decide,
  type JobState,
  newPlannedRun,
  type RunEvent,
  type RunState,
  whySkipped,
} from './index.ts'

const bytes = (n: number) => Uint8Array.from({ length: 16 }, (_, i) => (i === 15 ? n : 0))
const jobId = (n: number): JobId => formatId('job', bytes(n))
const workflow: WorkflowId = formatId('workflow', bytes(1))
const passed: readonly Outcome[] = ['passed']

type Sketch = {
  readonly key: string
  readonly kind?: PlanJob['kind']
  readonly needs?: Readonly<Record<string, readonly Outcome[]>>
  readonly named?: ContextsOfJob['named']
  readonly lock?: string
}

/** A run that somebody with this role began. */
const begun = (sketches: readonly Sketch[], role: string | null = 'developer'): RunState =>
  decide(newPlannedRun(jobId(99)), {
    kind: 'plan-known',
    workflows: [{ id: workflow, status: 'waiting' }],
    jobs: sketches.map(({ key, kind = 'job', needs = {}, named, lock }, i) => ({
      ...{ id: jobId(i + 1), workflow, key, name: key, kind, status: 'waiting', skip: null, attempts: [] },
      needs: Object.entries(needs).map(([need, on]) => ({ key: need, on })),
      ...(named === undefined ? {} : { contexts: { wanting: { id: 'usr_begins', role }, named } }),
      ...(lock === undefined ? {} : { lock: { name: lock, state: 'free' as const } }),
    })),
  }).state

const play = (state: RunState, ...events: RunEvent[]): RunState => decide(state, ...events).state
const job = (state: RunState, key: string): JobState => state.jobs.find((each) => each.key === key)!
const looks = (state: RunState, ...keys: string[]) =>
  keys.map((key) => {
    const { status, skip } = job(state, key)
    return skip === null ? status : `${status}:${skip}`
  })
const admits = { name: 'open', rule: null, roles: null }
const forOwners = { name: 'owners', rule: null, roles: ['owner'] }
const owner = { id: 'usr_owner', role: 'owner' }

test('a job starts when all of its contexts admit it, and the first that does not is named', () => {
  const refuses = { name: 'other', rule: 'project', roles: null } as const
  const state = begun([
    { key: 'a', named: [admits] },
    { key: 'b', named: [admits, refuses, forOwners] },
    { key: 'c', named: [forOwners, refuses] },
    { key: 'told', needs: { b: ['skipped:policy'] } },
    { key: 'needs', needs: { b: passed } },
  ])
  assert.deepEqual(looks(state, 'a', 'b', 'c', 'told', 'needs'), [
    ...['queued', 'skipped:policy', 'skipped:policy', 'queued', 'skipped:needs'],
  ])
  assert.deepEqual(job(state, 'b').refused, { context: 'other', rule: 'project' })
  assert.deepEqual(job(state, 'c').refused, { context: 'owners', rule: 'person' })
  assert.equal(whySkipped(state.jobs, job(state, 'b')).code, 'unauthorized')
  assert.match(whySkipped(state.jobs, job(state, 'c')).text, /^The context "owners" is for runs of certain/)
})

test('a run one of whose jobs was refused did not pass, whatever else did; what failed is worse', () => {
  const refuses = { name: 'other', rule: 'project', roles: null } as const
  const begin = (...more: readonly Sketch[]) => begun([{ key: 'test' }, ...more])
  const ending = (state: RunState, key: string, outcome: Outcome): RunEvent[] => {
    const of = { job: job(state, key).id, number: 1 }
    return [
      { kind: 'claimed', ...of },
      { kind: 'finished', ...of, outcome },
    ]
  }
  const ended = (state: RunState, outcome: Outcome) => {
    const { status, workflows } = play(state, ...ending(state, 'test', outcome))
    assert.equal(workflows[0]?.status, status)
    return status
  }
  const deploy = { key: 'deploy', named: [refuses] }
  assert.equal(ended(begin(deploy), 'passed'), 'skipped')
  assert.equal(
    ended(begin(deploy, { key: 'told', kind: 'noop', needs: { deploy: ['skipped:policy'] } }), 'passed'),
    'skipped',
  )
  assert.equal(ended(begin(deploy), 'failed'), 'failed')
  assert.equal(
    ended(begin({ key: 'never', needs: { test: ['failed'] } }), 'passed'),
    'passed',
    'a rule of its own',
  )
  const state = begin({ key: 'other' })
  assert.equal(
    ended(play(state, ...ending(state, 'other', 'skipped:policy')), 'passed'),
    'skipped',
    'by the vault',
  )
})

test('a rule about roles needs somebody who has one of them', () => {
  for (const [role, status] of [
    ['owner', 'queued'],
    ['developer', 'skipped:policy'],
    ['viewer', 'skipped:policy'],
    [null, 'skipped:policy'],
  ] as const)
    assert.deepEqual(looks(begun([{ key: 'a', named: [forOwners] }], role), 'a'), [status], String(role))
})

test('a rerun is for whoever asks: the rest of the run stays with who began it', () => {
  const later = { key: 'later', named: [forOwners], needs: { long: passed } }
  const state = begun([{ key: 'a', named: [forOwners] }, { key: 'long' }, later])
  const mine = { kind: 'rerun', jobs: [job(state, 'a').id], by: { id: 'usr_2', role: 'developer' } } as const
  assert.deepEqual(decide(state, mine).changes, [], 'it could only be refused again')
  const { state: again, changes } = decide(state, { ...mine, by: owner })
  assert.deepEqual(looks(again, 'a', 'later'), ['queued', 'waiting'])
  assert.deepEqual(
    changes.filter(({ kind }) => kind === 'job-wanted'),
    [{ kind: 'job-wanted', job: job(state, 'a').id, by: owner.id }],
  )
  const [long] = [job(again, 'long').id]
  const done = play(
    again,
    { kind: 'claimed', job: long, number: 1 },
    { kind: 'finished', job: long, number: 1, outcome: 'passed' },
  )
  assert.deepEqual(looks(done, 'later'), ['skipped:policy'])
})

test('what failed and what was unauthorized is rerun together', () => {
  const state = begun([{ key: 'a', named: [forOwners] }])
  assert.equal(state.status, 'skipped')
  assert.deepEqual(looks(play(state, { kind: 'rerun', jobs: 'failed', by: owner }), 'a'), ['queued'])
})

test('who approves stands for all that waited for it, directly or not; who rejects for nothing', () => {
  const state = begun([
    { key: 'gate', kind: 'approval' },
    { key: 'next', kind: 'noop', needs: { gate: passed } },
    { key: 'behind', named: [forOwners], needs: { next: passed } },
    { key: 'also', named: [forOwners], needs: { next: passed } },
    { key: 'other', kind: 'approval' },
    { key: 'beside', named: [forOwners], needs: { other: passed } },
  ])
  const approve = { kind: 'approved', job: job(state, 'gate').id } as const
  assert.deepEqual(looks(play(state, { ...approve, by: owner }), 'behind', 'also', 'beside'), [
    ...['queued', 'queued', 'waiting'],
  ])
  assert.deepEqual(looks(play(state, approve), 'behind'), ['skipped:policy'])
  const second = play(state, { kind: 'approved', job: job(state, 'other').id, by: owner })
  assert.deepEqual(looks(second, 'behind', 'beside'), ['waiting', 'queued'])
  assert.equal(job(second, 'behind').contexts?.wanting.id, 'usr_begins')
  const both = play(state, { ...approve, by: owner }, { kind: 'approved', job: job(state, 'other').id })
  assert.deepEqual(looks(both, 'behind', 'beside'), ['queued', 'skipped:policy'])
})

test('a job that is refused asks for no lock', () => {
  const state = begun([{ key: 'a', named: [forOwners], lock: 'deploys' }])
  assert.deepEqual([looks(state, 'a'), job(state, 'a').lock?.state], [['skipped:policy'], 'free'])
})

test('a long chain behind a gate is walked once', () => {
  const links = Array.from({ length: 3_000 }, (_, i) => ({
    ...{ key: `link ${i}`, named: [forOwners], needs: { [i === 0 ? 'gate' : `link ${i - 1}`]: passed } },
  }))
  const state = begun([{ key: 'gate', kind: 'approval' }, ...links])
  const after = play(state, { kind: 'approved', job: job(state, 'gate').id, by: owner })
  assert.equal(job(after, 'link 2999').contexts?.wanting.id, owner.id)
})
