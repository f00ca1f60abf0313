import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Job, Run } from '../../protocol/api/shapes.ts'
import { findJob, jobAddress } from './job-address.ts'

const job = (id: string, key: string, more: Partial<Job> = {}): Job =>
  ({ id, key, name: key, workflow_id: 'w1', shard: 0, shards: 1, ...more }) as Job
const run = {
  number: 412,
  project: { id: 'p', name: 'web' },
  workflows: [
    { id: 'w1', name: 'main' },
    { id: 'w2', name: 'night ly' },
  ],
  jobs: [
    job('1', 'lint'),
    job('2', 'test', { shard: 0, shards: 2 }),
    job('3', 'test', { shard: 1, shards: 2 }),
    job('4', 'pack'),
    job('5', 'pack', { workflow_id: 'w2' }),
  ],
} as unknown as Run
const where = { organisation: 'acme', run }

test('every job has an address that leads back to it', () => {
  for (const one of run.jobs) {
    const url = new URL(jobAddress(where, one), 'http://localhost')
    const segment = decodeURIComponent(url.pathname.split('/').at(-1)!)
    assert.equal(findJob(run, segment, url.searchParams.get('workflow'))?.id, one.id)
  }
})

test('jobs of one key in workflows of one name, as a run that went on may have them, have an address each', () => {
  const [first, second] = [job('1', 'build'), job('2', 'build', { workflow_id: 'w2' })]
  const workflows = run.workflows.map((workflow) => ({ ...workflow, name: 'ci' }))
  const twice = { ...run, workflows, jobs: [first, second] }
  const found = twice.jobs.map((one) => {
    const url = new URL(jobAddress({ organisation: 'acme', run: twice }, one), 'http://localhost')
    return findJob(twice, 'build', url.searchParams.get('workflow'))?.id
  })
  assert.deepEqual(found, ['1', '2'])
  assert.equal(findJob(twice, 'build', 'ci')?.id, '1', 'a link from before it went on leads somewhere')
})

test('addresses are as short as they may be', () => {
  assert.equal(jobAddress(where, run.jobs[0]!), '/acme/web/runs/412/jobs/lint')
  assert.equal(jobAddress(where, run.jobs[2]!, 2), '/acme/web/runs/412/jobs/test.1?attempt=2')
  assert.equal(jobAddress(where, run.jobs[4]!), '/acme/web/runs/412/jobs/pack?workflow=night+ly')
})
