// What follows by itself costs as much as there is to follow, whatever the shape of a run.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseId } from '../base/ids.ts'
import { decide } from './decide.ts'
import { type JobState, newPlannedRun, type Status } from './state.ts'

const id = (n: number) => n.toString(32).padStart(26, '0')
const jobId = (n: number) => parseId('job', `job_${id(n)}`)!
const workflow = parseId('workflow', `wfl_${id(0)}`)!

test('when the first of a chain of two thousand fails, each other is looked at a few times', () => {
  const count = 2_000
  let looks = 0
  const chain = Array.from({ length: count }, (_, n): JobState => {
    const needs = n === 0 ? [] : [{ key: `k${n - 1}`, on: ['passed' as const] }]
    return {
      ...{ id: jobId(n), workflow, key: `k${n}`, name: `k${n}`, kind: 'job', status: 'waiting' },
      get needs() {
        looks++
        return needs
      },
      ...{ skip: null, attempts: [] },
    }
  })
  const first = { job: jobId(0), number: 1 }
  const { state } = decide(
    newPlannedRun(jobId(count)),
    { kind: 'plan-known', workflows: [{ id: workflow, status: 'waiting' }], jobs: chain },
    { kind: 'claimed', ...first },
    { kind: 'finished', ...first, outcome: 'failed' },
  )
  const statuses = new Set<Status>(state.jobs.slice(2).map(({ status }) => status))
  assert.deepEqual([state.status, ...statuses], ['failed', 'skipped'])
  assert.ok(looks < 20 * count, `${looks} looks`)
})
