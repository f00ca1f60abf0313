import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Job, Run, RunSummary } from '../../protocol/api/shapes.ts'
import { mergeRun, needsFetch } from './merge-run.ts'

const job = (id: string, rev: number, status: Job['status']): Job => ({ id, rev, status }) as Job
const run = {
  id: 'r',
  rev: 4,
  status: 'running',
  workflows: [],
  jobs: [job('a', 3, 'running'), job('b', 4, 'waiting')],
  problems: ['kept'],
} as unknown as Run
const message = (rev: number, jobs: Job[], status: Run['status'] = 'running') => ({
  t: 'run' as const,
  topic: 'run:r',
  rev,
  run: { id: 'r', rev, status, workflows: [] } as unknown as RunSummary,
  jobs,
})

test('jobs that changed are replaced in place, new ones come last, the rest stays', () => {
  const next = mergeRun(run, message(6, [job('c', 6, 'queued'), job('a', 5, 'passed')]))
  assert.deepEqual(
    next.jobs.map((j) => [j.id, j.status]),
    [
      ['a', 'passed'],
      ['b', 'waiting'],
      ['c', 'queued'],
    ],
  )
  assert.equal(next.rev, 6)
  assert.deepEqual(next.problems, ['kept'])
})

test('a message or a job from before changes nothing', () => {
  assert.equal(mergeRun(run, message(3, [job('a', 2, 'queued')], 'queued')), run)
  assert.equal(mergeRun(run, message(5, [job('b', 2, 'passed')])).jobs[1]?.status, 'waiting')
})

test('what the stream does not carry is fetched when the run ends', () => {
  assert.equal(needsFetch(run, mergeRun(run, message(5, []))), false)
  assert.equal(needsFetch(run, mergeRun(run, message(5, [], 'failed'))), true)
})
