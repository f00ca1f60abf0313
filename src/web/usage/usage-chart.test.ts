// What is drawn of the resources of an attempt.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Step } from '../../protocol/api/shapes.ts'
import { centreOf, chartsOf, momentsOf, type Series, stepMarks } from './usage-chart.ts'

const begin = Date.parse('2026-11-22T12:00:00.000Z')
const series: Series = {
  started_at: new Date(begin).toISOString(),
  duration_ms: [1000, 3000],
  cpu_milli: [500, 1000],
  memory_kib: [0, 2048],
  disk_kib: [0, 0],
  sent_bytes: [1000, 0],
  received_bytes: [1000, 6000],
  limits: { cpu_milli: 1000, memory_kib: 4096, disk_kib: 4096 },
}
const step = (index: number, seconds: number): Step => ({
  ...{ index, name: `step ${index}`, type: 'run', status: 'passed', finished_at: null, duration_ms: 1 },
  ...{
    exit_code: 0,
    message: null,
    leftovers: 0,
    cache: null,
    started_at: new Date(begin + seconds * 1000).toISOString(),
  },
})

test('a figure fills as much of its chart as of its limit, and each point is as wide as it took', () => {
  const [cpu, memory, disk, network] = chartsOf(series)
  assert.equal(cpu?.area, 'M0,100 L0,50 L250,50 L250,0 L1000,0 L1000,100 Z')
  assert.equal(memory?.area, 'M0,100 L0,100 L250,100 L250,50 L1000,50 L1000,100 Z')
  assert.deepEqual([disk?.most, disk?.area.includes('NaN')], [0, false])
  assert.deepEqual([network?.values, network?.limit, network?.most], [[2000, 2000], null, 2000])
})

test('what was not counted has no chart, and what is above its limit stays inside', () => {
  const charts = chartsOf({ ...series, cpu_milli: null, memory_kib: null, disk_kib: [9000, 4500] })
  assert.deepEqual(
    charts.map(({ name }) => name),
    ['disk', 'network'],
  )
  assert.equal(charts[0]?.area, 'M0,100 L0,0 L250,0 L250,50 L1000,50 L1000,100 Z')
})

test('steps are marked where they begin within it, and every point names its own', () => {
  const steps = [step(1, -1), step(2, 2), step(3, 60)]
  assert.deepEqual(stepMarks(series, steps), [{ x: 500, name: 'step 2' }])
  assert.deepEqual(stepMarks(series, [...steps, step(4, 2.001)]), [{ x: 500, name: 'step 2, step 4' }])
  assert.deepEqual(momentsOf(series, steps), [
    { fromMs: 0, toMs: 1000, step: 'step 1' },
    { fromMs: 1000, toMs: 4000, step: 'step 2' },
  ])
  assert.deepEqual(
    momentsOf(series, []).map(({ step: name }) => name),
    [null, null],
  )
  assert.deepEqual([centreOf(series, 0), centreOf(series, 1)], [125, 625])
})
