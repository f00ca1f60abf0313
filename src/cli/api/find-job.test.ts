import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isFault } from '../../base/faults.ts'
import type { Job, Run } from '../../protocol/api/shapes.ts'
import { jobNamed, splitRef } from './find-job.ts'

const job = (id: string, name: string, shard = 0, shards = 1) =>
  ({ id, key: name, name, shard, shards }) as Job
const run = {
  number: 412,
  jobs: [
    job('job_1', 'build'),
    job('job_2', 'test', 0, 2),
    job('job_3', 'test', 1, 2),
    job('job_4', 'lint'),
    job('job_5', 'lint'),
  ],
} as unknown as Run

test('a ref may name a job; --job goes before it', () => {
  assert.deepEqual(splitRef({ ref: '412/test.1', job: undefined }), { ref: '412', job: 'test.1' })
  assert.deepEqual(splitRef({ ref: '#412', job: 'a/b' }), { ref: '#412', job: 'a/b' })
  assert.deepEqual(splitRef({ ref: undefined, job: undefined }), { ref: undefined, job: undefined })
  const address = 'http://ci.example/acme/web/runs/412/jobs/e2e%20one?attempt=2#s4L1'
  assert.deepEqual(splitRef({ ref: address, job: undefined }), { ref: address, job: 'e2e one' })
})

test('a job is found by name, shard or id; more than one is a question', () => {
  assert.equal(jobNamed(run, 'build').id, 'job_1')
  assert.equal(jobNamed(run, 'test.1').id, 'job_3')
  assert.equal(jobNamed(run, 'job_4').id, 'job_4')
  assert.throws(() => jobNamed(run, 'test'), /2 jobs test: test\.0, test\.1/)
  assert.throws(() => jobNamed(run, 'lint'), /job_4, job_5/)
  assert.throws(
    () => jobNamed(run, 'ship'),
    (error) => isFault(error, 'E_NOT_FOUND'),
  )
})
