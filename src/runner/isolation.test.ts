// What a runner says of its own walls: only what the last measurement showed, and nothing after one that failed.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { silentLog } from '../base/log.ts'
import type { Measured, ProbeResult } from '../sandbox/index.ts'
import { type Isolation, keepMeasured, readMeasured } from './isolation.ts'

const measured = (probes: readonly ProbeResult[]): Measured => ({
  at: '2026-01-01T00:00:00.000Z',
  tier: 'container',
  stops: ['T-01'],
  probes,
  startMs: { p50: 1, p95: 1, n: 1 },
})
const held: ProbeResult = { id: 'F01', verdict: 'held', detail: 'errno 2' }

test('what was measured is passed on with its time; what did not hold is said in words', () => {
  const good = readMeasured(measured([held]))
  assert.deepEqual(good, {
    ...{ tier: 'container', measuredAt: '2026-01-01T00:00:00.000Z', stops: ['T-01'] },
    ...{ weak: [], holds: true },
  })
  const untried = readMeasured(measured([held, { id: 'N07', verdict: 'not-run', detail: 'no IPv6' }]))
  assert.deepEqual(untried.weak, ['probe N07 could not be tried: no IPv6'])
  assert.equal(untried.holds, true)
  const open = readMeasured(measured([held, { id: 'F02', verdict: 'open', detail: '/etc/x: bytes' }]))
  assert.deepEqual(open.weak, ['probe F02 got out: /etc/x: bytes'])
  assert.equal(open.holds, false)
})

test('a failed measurement takes the claims back; the next good one, within the hour, returns them', async () => {
  const told: Isolation[] = []
  const waited: number[] = []
  const answers = [measured([held]), new Error('no sandbox'), measured([held])]
  const done = Promise.withResolvers<void>()
  const keeping = keepMeasured({
    driver: {
      measure: async () => {
        const next = answers.shift()
        if (next instanceof Error || next === undefined) throw next ?? new Error('asked too often')
        return next
      },
    },
    log: silentLog,
    randomBytes: () => new Uint8Array([200]),
    onMeasured: (isolation) => void told.push(isolation),
    wait: async (ms, signal) => {
      waited.push(ms)
      if (answers.length > 0) return
      done.resolve()
      await new Promise((resolve) => signal.addEventListener('abort', resolve))
    },
  })
  await done.promise
  await keeping.close()
  assert.deepEqual(
    told.map(({ tier, measuredAt }) => [tier, measuredAt !== null]),
    [
      ['container', true],
      ['none', false],
      ['container', true],
    ],
  )
  assert.deepEqual(told[1]?.weak, ['the isolation of this runner could not be measured'])
  for (const ms of waited) assert.ok(ms > 45 * 60_000 && ms <= 60 * 60_000, String(ms))
})

test('whoever closes it does not wait for the hour', async () => {
  const keeping = keepMeasured({
    driver: { measure: async () => measured([held]) },
    log: silentLog,
    randomBytes: () => new Uint8Array([0]),
    onMeasured: () => undefined,
  })
  await keeping.close()
})
