import assert from 'node:assert/strict'
import { test } from 'node:test'
import { jobGrant } from '../../../test/support/job-lease.ts'
import { buildNumber } from './circleci.ts'

const numberOf = (run: number, job: number, index = 0): number => {
  const { spec } = jobGrant('true')
  assert.ok(spec.kind === 'job')
  return buildNumber({
    ...{ run: { ...spec.run, number: run }, job: { ...spec.job, number: job }, shard: { index, total: 4 } },
  })
}

test('the number of a job is of no other job of the project, grows, and is one for all its copies', () => {
  assert.equal(numberOf(12, 3), 120_003)
  assert.deepEqual([numberOf(1, 5, 0), numberOf(1, 6, 1), numberOf(1, 8, 3)], [10_005, 10_005, 10_005])
  assert.ok(numberOf(1, 2_000) < numberOf(2, 1), 'a run has at most 2,000 jobs')
})
