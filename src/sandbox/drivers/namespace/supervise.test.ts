// Steps that end, and steps that do not: what is done to them, in which order, and that it is over in any case.
import assert from 'node:assert/strict'
import { mock, test } from 'node:test'
import { killedStepMs } from '../../limits.ts'
import { type StepEnd, supervise } from './supervise.ts'

const step = () => {
  const done: string[] = []
  const { promise, resolve, reject } = Promise.withResolvers<StepEnd>()
  const stop = new AbortController()
  const running = {
    ended: promise,
    signal: (name: string) => void done.push(name),
    giveUp: () => void done.push('give up'),
  }
  const bounds = { deadlineMs: 60_000, idleMs: 50_000, termMs: 10_000, abort: stop.signal }
  return { done, end: resolve, fail: reject, stop, begin: () => supervise(running, bounds) }
}

test('a step that ends by itself is left alone', async () => {
  const { done, end, stop, begin } = step()
  const { outcome } = begin()
  end({ kind: 'exit', code: 3 })
  assert.deepEqual(await outcome, { end: { kind: 'exit', code: 3 }, cause: null })
  stop.abort('cancelled')
  assert.deepEqual(done, [])
})

test('a step of which nothing is heard any more is lost in the end, whatever was done to it', async () => {
  mock.timers.enable({ apis: ['setTimeout'] })
  try {
    const { done, stop, begin } = step()
    const { outcome } = begin()
    stop.abort('cancelled')
    assert.deepEqual(done, ['TERM'])
    mock.timers.tick(10_000)
    assert.deepEqual(done, ['TERM', 'KILL'])
    mock.timers.tick(killedStepMs)
    assert.deepEqual(done, ['TERM', 'KILL', 'give up'])
    mock.timers.tick(killedStepMs)
    assert.deepEqual(await outcome, { end: { kind: 'lost' }, cause: 'cancelled' })
  } finally {
    mock.timers.reset()
  }
})

test('one that was to be stopped before it began is, and silence and time have their ends', async () => {
  mock.timers.enable({ apis: ['setTimeout'] })
  try {
    const early = step()
    early.stop.abort('cancelled')
    early.begin()
    await Promise.resolve()
    assert.deepEqual(early.done, ['TERM'])
    const silent = step()
    const { outcome } = silent.begin()
    mock.timers.tick(49_999)
    assert.deepEqual(silent.done, [])
    mock.timers.tick(1)
    assert.deepEqual(silent.done, ['TERM'])
    silent.end({ kind: 'exit', code: 143 })
    assert.equal((await outcome).cause, 'deadline')
  } finally {
    mock.timers.reset()
  }
})

test('one that could not be started is over, too: nothing waits for its deadline', async () => {
  mock.timers.enable({ apis: ['setTimeout'] })
  try {
    const { done, fail, stop, begin } = step()
    const { outcome } = begin()
    fail(new Error('no such cell'))
    await assert.rejects(outcome, /no such cell/)
    stop.abort('cancelled')
    mock.timers.tick(60_000)
    assert.deepEqual(done, [])
  } finally {
    mock.timers.reset()
  }
})
