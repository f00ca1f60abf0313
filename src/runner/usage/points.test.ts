import assert from 'node:assert/strict'
import { test } from 'node:test'
import { usagePointsMax } from '../../protocol/usage-series.ts'
import { classes, type Reading } from '../../sandbox/index.ts'
import { createUsagePoints } from './points.ts'

const { limits } = classes.medium
const MiB = 1024 * 1024
const reading = (more: Partial<Reading> & { memory?: number; cpuSeconds?: number } = {}): Reading => ({
  processes: { memory: more.memory ?? 0, cpuSeconds: more.cpuSeconds ?? 0 },
  ...{ ramdisk: more.ramdisk ?? 0, up: more.up ?? 0, down: more.down ?? 0 },
})

test('readings become points with means, highest values and what went by in between', () => {
  const points = createUsagePoints(5_000, limits)
  assert.equal(points.series(), null)
  points.add(reading({ cpuSeconds: 0.5, memory: 10 * MiB, ramdisk: MiB, up: 100, down: 1000 }), 1000)
  points.add(reading({ cpuSeconds: 2.5, memory: 5 * MiB, ramdisk: 3 * MiB, up: 100, down: 5000 }), 1000)
  assert.deepEqual(points.series(), {
    ...{ startMs: 5_000, ms: [1000, 1000], cpuMilli: [500, 2000], memoryKiB: [10_240, 5_120] },
    ...{ diskKiB: [1024, 3072], upBytes: [100, 0], downBytes: [1000, 4000] },
    limits: { cpuMilli: 2000, memoryKiB: 4 * 1024 * 1024, diskKiB: 4 * 1024 * 1024 },
    smaller: { name: 'small', cpuMilli: 1000, memoryKiB: 2 * 1024 * 1024, diskKiB: 2 * 1024 * 1024 },
  })
})

test('a day has as many points as two minutes, and nothing of it is lost', () => {
  const points = createUsagePoints(0, limits)
  const seconds = 86_400
  for (let at = 1; at <= seconds; at++)
    points.add(
      reading({ cpuSeconds: at, memory: at === 40_000 ? 500 * MiB : MiB, up: at * 10, down: at * 20 }),
      1000,
    )
  const series = points.series()!
  assert.ok(
    series.ms.length <= usagePointsMax && series.ms.length > usagePointsMax / 3,
    String(series.ms.length),
  )
  const sum = (all: readonly number[]) => all.reduce((one, two) => one + two, 0)
  assert.equal(sum(series.ms), seconds * 1000)
  assert.deepEqual([sum(series.upBytes), sum(series.downBytes)], [seconds * 10, seconds * 20])
  assert.deepEqual(new Set(series.cpuMilli), new Set([1000]))
  assert.equal(Math.max(...series.memoryKiB!), 500 * 1024)
  assert.ok(JSON.stringify(series).length < 8 * 1024)
  assert.ok(points.pointMs() > 60_000, 'who reads may read more seldom')
})

test('a counter that runs backwards counts nothing, and a machine that cannot count says so', () => {
  const points = createUsagePoints(0, limits)
  points.add(reading({ cpuSeconds: 3, up: 50 }), 1000)
  points.add(reading({ cpuSeconds: 1, up: 10 }), 1000)
  assert.deepEqual(points.series()?.cpuMilli, [3000, 0])
  assert.deepEqual(points.series()?.upBytes, [50, 0])
  points.add({ processes: null, ramdisk: MiB, up: 10, down: 0 }, 1000)
  assert.deepEqual([points.series()?.cpuMilli, points.series()?.memoryKiB], [null, null])
  assert.deepEqual(points.series()?.diskKiB, [0, 0, 1024])
})

test('the smallest class has none below it', () => {
  const points = createUsagePoints(0, classes.tiny.limits)
  points.add(reading(), 1000)
  assert.equal(points.series()?.smaller, null)
})
