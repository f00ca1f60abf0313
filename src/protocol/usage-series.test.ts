import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseShape } from '../base/shape.ts'
import { type UsageSeries, usagePointsMax } from './usage-series.ts'
import { usageSeries } from './usage-series-parse.ts'
import { usageVerdict } from './usage-verdict.ts'

const limits = { cpuMilli: 2000, memoryKiB: 4000, diskKiB: 4000 }
const small = { name: 'small', cpuMilli: 1000, memoryKiB: 2000, diskKiB: 2000 }
const series = (more: Partial<UsageSeries> = {}): UsageSeries => ({
  ...{ startMs: 1, ms: [1000, 1000], cpuMilli: [100, 200], memoryKiB: [100, 400], diskKiB: [0, 10] },
  ...{ upBytes: [0, 0], downBytes: [0, 0], limits, smaller: small, ...more },
})

test('a series has lists of one length, bounded', () => {
  const check = (value: unknown) => parseShape(usageSeries, value).ok
  assert.ok(check(series()))
  assert.ok(check(series({ cpuMilli: null, memoryKiB: null, smaller: null })))
  const many = Array.from({ length: usagePointsMax + 1 }, () => 1)
  for (const wrong of [
    series({ memoryKiB: [1] }),
    series({ diskKiB: [] }),
    series({ upBytes: [1, -1] }),
    series({ cpuMilli: [1, 0.5] }),
    series({ ms: [1000, 0] }),
    series({ startMs: 1e300 }),
    { ...series(), extra: 1 },
    series({ ms: [], cpuMilli: null, memoryKiB: null, diskKiB: [], upBytes: [], downBytes: [] }),
    series({ ms: many, cpuMilli: null, memoryKiB: null, diskKiB: many, upBytes: many, downBytes: many }),
    null,
  ])
    assert.ok(!check(wrong), JSON.stringify(wrong))
})

const verdict = (more: Partial<UsageSeries>, oomKills = 0) => {
  const { word, smaller, memoryPercent } = usageVerdict(series(more), oomKills)
  return [word, smaller, memoryPercent]
}

test('what would fit into the next smaller class with room says so', () => {
  assert.deepEqual(verdict({}), ['smaller', 'small', 10])
  assert.deepEqual(verdict({ memoryKiB: [0, 1600] }), ['smaller', 'small', 40])
  assert.deepEqual(verdict({ memoryKiB: [0, 1700] }), ['fits', null, 43])
  assert.deepEqual(verdict({ diskKiB: [1900, 0] }), ['fits', null, 10])
  assert.deepEqual(verdict({ cpuMilli: [2000, 1000] }), ['fits', null, 10])
  assert.deepEqual(verdict({ smaller: null }), ['fits', null, 10])
})

test('what met a bound wants a larger one, what nobody counted is not judged', () => {
  assert.deepEqual(verdict({ memoryKiB: [0, 3800] }), ['larger', null, 95])
  assert.deepEqual(verdict({ diskKiB: [4000, 0] }), ['larger', null, 10])
  assert.deepEqual(verdict({}, 1), ['larger', null, 10])
  assert.deepEqual(verdict({ memoryKiB: null, cpuMilli: null }), ['unmeasured', null, null])
  assert.deepEqual(verdict({ limits: { cpuMilli: 0, memoryKiB: 0, diskKiB: 0 } })[0], 'smaller')
})
