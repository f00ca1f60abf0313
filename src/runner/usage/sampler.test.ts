import assert from 'node:assert/strict'
import { mock, test } from 'node:test'
import { classes, type Reading } from '../../sandbox/index.ts'
import { samplePointMs, sampleSlowestMs } from '../limits.ts'
import { startSampler } from './sampler.ts'

const none: Reading = { processes: { memory: 1024, cpuSeconds: 0 }, ramdisk: 0, up: 0, down: 0 }

const start = (read: () => Promise<Reading>) => {
  mock.timers.enable({ apis: ['setTimeout'] })
  let nowMs = 0
  const clock = { now: () => 1_000_000 + nowMs, monotonicMs: () => nowMs }
  const sampler = startSampler({ clock }, { reading: read }, classes.small.limits)
  const pass = async (ms: number) => {
    nowMs += ms
    mock.timers.tick(ms)
    for (let turn = 0; turn < 5; turn++) await Promise.resolve()
  }
  return { sampler, pass }
}

test('what is over within a second is never asked', async (t) => {
  t.after(() => mock.timers.reset())
  const { sampler, pass } = start(() => assert.fail('asked'))
  await pass(samplePointMs - 1)
  assert.equal(await sampler.finish(), null)
})

test('it is asked once a second, more and more seldom, and once more at the end', async (t) => {
  t.after(() => mock.timers.reset())
  let asked = 0
  const { sampler, pass } = start(async () => {
    asked++
    return none
  })
  for (let second = 0; second < 100; second++) await pass(1000)
  assert.equal(asked, 100)
  for (let second = 0; second < 3600 * 4; second++) await pass(1000)
  assert.ok(asked < (3600 * 4 * 1000) / sampleSlowestMs + 1500, `${asked}`)
  const before = asked
  await pass(400)
  const series = await sampler.finish()
  assert.equal(asked, before + 1)
  assert.equal(
    series?.ms.reduce((a, b) => a + b, 0),
    100_000 + 3600 * 4 * 1000 + 400,
  )
  assert.deepEqual(await sampler.finish(), series)
  await pass(60_000)
  assert.equal(asked, before + 1)
})

test('a sandbox that does not answer is asked no more', async (t) => {
  t.after(() => mock.timers.reset())
  let asked = 0
  const { sampler, pass } = start(async () => {
    if (++asked === 3) throw new Error('gone')
    return none
  })
  for (let second = 0; second < 20; second++) await pass(1000)
  assert.equal(asked, 3)
  assert.equal((await sampler.finish())?.ms.length, 2)
})
