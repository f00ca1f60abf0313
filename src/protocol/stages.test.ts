import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Staged, stagesOf } from './stages.ts'

const at = (seconds: number) => new Date(1_000_000_000_000 + seconds * 1000).toISOString()
const step = (type: string, from: number, to: number | null): Staged['steps'][number] => ({
  ...{ type, started_at: at(from), finished_at: to === null ? null : at(to) },
})
const check = (attempt: Partial<Staged>, expected: readonly string[]) =>
  assert.deepEqual(
    stagesOf({ queued_at: at(0), started_at: null, finished_at: null, steps: [], ...attempt }).map(
      ({ name, duration_ms: ms }) => `${name} ${ms === null ? '…' : ms / 1000}`,
    ),
    expected,
  )

test('an attempt while it begins: in the queue, then its sandbox, then what is brought, then its first command', () => {
  check({}, ['queue …'])
  check({ started_at: at(2) }, ['queue 2', 'sandbox …'])
  check({ started_at: at(2), steps: [step('checkout', 3, null)] }, ['queue 2', 'sandbox 1', 'checkout …'])
  check(
    { started_at: at(2), steps: [step('checkout', 3, 5), step('restore-cache', 5, 6), step('run', 7, null)] },
    [...['queue 2', 'sandbox 1', 'checkout 2', 'prepare 2', 'steps …']],
  )
})

test('a step of a kind that nobody knows is a command like others', () => {
  check({ started_at: at(2), steps: [step('constructor', 3, null)] }, ['queue 2', 'sandbox 1', 'steps …'])
})

test('an attempt that is over: its steps, and the end of its sandbox', () => {
  const steps = [step('run', 3, 8), step('checkout', 8, 9), step('run', 9, 10)]
  check({ started_at: at(1), finished_at: at(12), steps }, ['queue 1', 'sandbox 2', 'steps 7', 'teardown 2'])
  check({ started_at: at(1), finished_at: at(4) }, ['queue 1', 'sandbox 3'])
  check({ finished_at: at(4) }, ['queue 4'])
})

test('what is saved after the last command is a stage of its own; what is skipped, or saved between commands, is none', () => {
  const run = [step('run', 3, 8), step('save-cache', 8, 9)]
  const over = { started_at: at(1), finished_at: at(12) }
  const saved = [...run, step('run', 9, 10), step('persist', 10, 11), step('note', 11, 11)]
  check({ ...over, steps: saved }, ['queue 1', 'sandbox 2', 'steps 7', 'save 1', 'teardown 1'])
  check({ ...over, finished_at: null, steps: saved }, ['queue 1', 'sandbox 2', 'steps …'])
  check({ ...over, steps: [...run, step('run', 9, 10)] }, ['queue 1', 'sandbox 2', 'steps 7', 'teardown 2'])
  check({ ...over, steps: [step('run', 3, 8), step('persist', 8, 8)] }, [
    ...['queue 1', 'sandbox 2', 'steps 5', 'teardown 4'],
  ])
  check({ ...over, steps: [step('save-cache', 3, 8)] }, ['queue 1', 'sandbox 2', 'steps 5', 'teardown 4'])
})

test('a clock that goes back makes no time negative, and all stages together are the attempt', () => {
  const steps = [step('checkout', 0, 20), step('run', 1, null)]
  const stages = stagesOf({ queued_at: at(2), started_at: at(3), finished_at: at(9), steps })
  assert.ok(stages.every(({ duration_ms: ms }) => ms !== null && ms >= 0))
  assert.equal(
    stages.reduce((sum, { duration_ms: ms }) => sum + (ms ?? 0), 0),
    7_000,
  )
})
