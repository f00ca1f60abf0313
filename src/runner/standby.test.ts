// Something kept started: who takes it, when the next one starts, and that nothing stays open.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { silentLog } from '../base/log.ts'
import { createStandby, type StandbyDeps } from './standby.ts'

type Thing = { readonly name: number; close(): Promise<void> }

const open = (options: Partial<StandbyDeps<Thing>> & { readonly fails?: number } = {}) => {
  const seen = { started: 0, closed: [] as number[] }
  const standby = createStandby<Thing>({
    start: async () => {
      seen.started += 1
      const name = seen.started
      if (name === options.fails) throw new Error('no')
      return { name, close: async () => void seen.closed.push(name) }
    },
    ...{ what: 'thing', log: silentLog, refillMs: 10_000, ageMs: 10_000, renew: true, ...options },
  })
  return { standby, seen }
}

test('nothing waits until something was taken once; the next one starts only after a while', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const { standby, seen } = open({ refillMs: 1_000 })
  assert.equal(await standby.take(), null)
  t.mock.timers.tick(999)
  assert.equal(seen.started, 0)
  t.mock.timers.tick(1)
  assert.equal((await standby.take())?.name, 1)
  assert.equal(await standby.take(), null, 'each is given away once')
  await standby.close()
  t.mock.timers.tick(20_000)
  assert.deepEqual([seen.started, seen.closed], [1, []])
})

test('what waited too long is closed; a fresh one takes its place where that is wanted', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const renewed = open({ ageMs: 5_000 })
  const forgotten = open({ ageMs: 5_000, renew: false })
  for (const { standby } of [renewed, forgotten]) standby.fill()
  t.mock.timers.tick(5_000)
  assert.equal((await renewed.standby.take())?.name, 2)
  assert.equal(await forgotten.standby.take(), null)
  assert.deepEqual([renewed.seen.closed, forgotten.seen.closed], [[1], [1]])
  await Promise.all([renewed.standby.close(), forgotten.standby.close()])
})

test('one that could not start is taken for none; closing closes the one that waits', async () => {
  const { standby, seen } = open({ fails: 1, refillMs: 0 })
  standby.fill()
  assert.equal(await standby.take(), null)
  standby.fill()
  standby.fill()
  await standby.close()
  standby.fill()
  assert.deepEqual([seen.started, seen.closed], [2, [2]])
})
