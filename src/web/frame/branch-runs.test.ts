import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Job, Run } from '../../protocol/api/shapes.ts'
import type { Api } from '../state/api.ts'
import { newerOnBranch, nextFailure, olderOnBranch } from './branch-runs.ts'

const job = (id: string, status: Job['status']) => ({ id, key: id, shard: 0, shards: 1, status }) as Job
const run = {
  id: 'run_5',
  number: 5,
  created_at: '2026-11-22T10:00:00.000Z',
  project: { id: 'p', name: 'web' },
  event: { branch: 'main' },
  workflows: [],
  jobs: [job('a', 'failed'), job('b', 'passed'), job('c', 'errored'), job('d', 'timed_out')],
} as unknown as Run
const where = { organisation: 'acme', run }

const answering = (items: readonly object[]) => {
  const asked: unknown[] = []
  const take = (_: string, { query }: { query: unknown }) => {
    asked.push(query)
    return items
  }
  const api = {
    call: async (name: string, options: { query: unknown }) => ({ items: take(name, options) }),
    callAll: async (name: string, options: { query: unknown }) => take(name, options),
  } as unknown as Api
  return { api, asked }
}

test('the run before is the first below it on its branch; the run after the nearest above it', async () => {
  const below = answering([{ id: 'run_3', number: 3 }])
  assert.equal(await olderOnBranch(below.api, where), '/acme/web/runs/3')
  assert.deepEqual(below.asked, [{ project: 'web', branch: 'main', limit: 1, cursor: 'run_5' }])
  const above = answering([
    { id: 'run_9', number: 9 },
    { id: 'run_7', number: 7 },
    { id: 'run_5', number: 5 },
  ])
  assert.equal(await newerOnBranch(above.api, where), '/acme/web/runs/7')
  assert.deepEqual(above.asked, [{ project: 'web', branch: 'main', since: run.created_at }])
})

test('at an end, and without a branch, there is nowhere to go', async () => {
  const { api, asked } = answering([{ id: 'run_5', number: 5 }])
  assert.equal(await newerOnBranch(api, where), null)
  const tagged = { ...where, run: { ...run, event: { ...run.event, branch: null } } }
  assert.deepEqual([await newerOnBranch(api, tagged), await olderOnBranch(api, tagged)], [null, null])
  assert.equal(asked.length, 1)
})

test('failures are stepped through in the order of jobs, both ways, from the run and from a job', () => {
  const at = (job: string) => `/acme/web/runs/5/jobs/${job}`
  assert.equal(nextFailure(where, null, 1), at('a'))
  assert.equal(nextFailure(where, null, -1), at('d'))
  assert.equal(nextFailure(where, run.jobs[0]!, 1), at('c'))
  assert.equal(nextFailure(where, run.jobs[1]!, -1), at('a'))
  assert.equal(nextFailure(where, run.jobs[3]!, 1), null)
  assert.equal(nextFailure(where, run.jobs[0]!, -1), null)
})

test('of two jobs of one key each has its own place among the failures', () => {
  const twins = [
    { ...job('pack', 'failed'), id: '1', workflow_id: 'w1' },
    { ...job('pack', 'failed'), id: '2', workflow_id: 'w2' },
  ]
  const workflows = [
    { id: 'w1', name: 'main' },
    { id: 'w2', name: 'nightly' },
  ]
  const twice = { ...where, run: { ...run, workflows, jobs: twins } as unknown as Run }
  assert.equal(nextFailure(twice, twins[0]!, 1), '/acme/web/runs/5/jobs/pack?workflow=nightly')
  assert.equal(nextFailure(twice, twins[1]!, 1), null)
})
