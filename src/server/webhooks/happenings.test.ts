// What is told of a change, from the states that the rules themselves make.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatId, type JobId, type WorkflowId } from '../../base/ids.ts'
import type { JobState, RunState, Status } from '../../schedule/index.ts'
import { happeningsBetween } from './happenings.ts'

const id = <K extends 'job' | 'workflow'>(kind: K, n: number) => formatId(kind, new Uint8Array(16).fill(n))
const workflow: WorkflowId = id('workflow', 1)
const jobs: Readonly<Record<string, JobId>> = { a: id('job', 1), b: id('job', 2), plan: id('job', 3) }
const job = (name: string, status: Status, kind: JobState['kind'] = 'job'): JobState => ({
  ...{ id: jobs[name]!, workflow: kind === 'plan' ? null : workflow, key: name, name, kind, needs: [] },
  ...{ status, skip: null, attempts: [] },
})
const state = (status: Status, list: readonly JobState[], of: Status = status): RunState => ({
  ...{ status, cancelRequested: false, jobs: list },
  workflows: list.some(({ kind }) => kind !== 'plan') ? [{ id: workflow, status: of }] : [],
})
/** Of the events of a Mayfly target, and of one in the way of CircleCI. */
const check = (
  before: RunState | null,
  after: RunState,
  expected: readonly string[],
  hasStarted = before !== null && before.status !== 'queued',
) =>
  assert.deepEqual(
    happeningsBetween(before, after, hasStarted).map(({ event, status }) => `${event} ${status}`),
    expected,
  )

test('a run that begins is queued; its plan is nobody’s job', () => {
  check(null, state('queued', [job('plan', 'queued', 'plan')]), ['run.queued queued'])
  check(null, state('running', [job('plan', 'running', 'plan')]), [
    'run.queued running',
    'run.started running',
  ])
  check(
    state('queued', [job('plan', 'queued', 'plan')]),
    state('running', [job('plan', 'running', 'plan')]),
    ['run.started running'],
  )
})

test('one that begins with a known plan tells of the jobs that begin with it, and its end comes last', () => {
  check(null, state('running', [job('a', 'running'), job('b', 'waiting')]), [
    'run.queued running',
    'run.started running',
    'job.started running',
  ])
  check(null, state('passed', [job('a', 'passed', 'noop')]), [
    'run.queued passed',
    'job.finished passed',
    'job-completed passed',
    'workflow-completed passed',
    'run.finished passed',
  ])
})

test('it has started once, however often it waits for a runner in between', () => {
  const between = state('queued', [job('plan', 'passed', 'plan'), job('a', 'queued')])
  const running = state('running', [job('plan', 'passed', 'plan'), job('a', 'running')])
  check(state('running', [job('plan', 'running', 'plan')]), between, [])
  check(between, running, ['job.started running'], true)
})

test('the first job that fails while others go on makes it failing, and no other', () => {
  const first = state('running', [job('a', 'running'), job('b', 'running')])
  const second = state('running', [job('a', 'failed'), job('b', 'running')])
  check(first, second, ['run.failing running', 'job.finished failed', 'job-completed failed'])
  const more = { ...second, others: [{ workflow, status: 'errored' as const, skip: null }] }
  check({ ...first, others: [{ workflow, status: 'errored' as const, skip: null }] }, more, [
    'job.finished failed',
    'job-completed failed',
  ])
  check(second, state('failed', [job('a', 'failed'), job('b', 'timed_out')]), [
    'job.finished timed_out',
    'job-completed timed_out',
    'workflow-completed failed',
    'run.finished failed',
  ])
})

test('what waits for a person holds the run; an approval is no job of CircleCI', () => {
  check(
    state('running', [job('a', 'running'), job('b', 'waiting', 'approval')]),
    state('on_hold', [job('a', 'passed'), job('b', 'on_hold', 'approval')]),
    ['run.hold on_hold', 'job.finished passed', 'job-completed passed', 'job.hold on_hold'],
  )
  check(
    state('on_hold', [job('b', 'on_hold', 'approval')]),
    state('passed', [job('b', 'passed', 'approval')]),
    ['job.finished passed', 'workflow-completed passed', 'run.finished passed'],
  )
})

test('a job that is skipped is told to nobody', () => {
  check(
    state('running', [job('a', 'running'), job('b', 'waiting')]),
    state('failed', [job('a', 'failed'), job('b', 'skipped')]),
    ['job.finished failed', 'job-completed failed', 'workflow-completed failed', 'run.finished failed'],
  )
})

test('a rerun goes on after the end: it is queued, starts and fails anew', () => {
  const ended = state('failed', [job('a', 'failed')])
  check(ended, state('queued', [job('a', 'queued')]), ['run.queued queued'], true)
  check(ended, state('running', [job('a', 'running')]), [
    'run.queued running',
    'run.started running',
    'job.started running',
  ])
})
