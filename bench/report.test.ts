import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Row } from './measure.ts'
import { formatTable, formatVerdicts, toJson } from './report.ts'
import type { Scenario } from './scenario.ts'
import { summarise } from './statistics.ts'

const scenario: Scenario = {
  ...{ id: 'PF-04', variant: 'cold', title: 'No-op job', unit: 'ms', better: 'lower' },
  ...{ goal: { ratio: 3 }, gate: { ratio: 7, value: 2500 } },
  baseline: async () => 1,
  subject: async () => 1,
}
const measured: Row = {
  ...{ scenario, verdict: 'gate', error: null },
  figures: {
    baseline: summarise([8, 10]),
    subject: summarise([32, 48]),
    ratio: summarise([4, 4.8]),
    usage: { root: 1, cpuMs: { server: 3, runner: 4 }, pssBytes: { server: 80 * 1024 ** 2 } },
    growth: null,
    peers: [],
  },
}
const failed: Row = { scenario, verdict: 'broken', figures: null, error: 'no runner' }

test('a row shows both values, the ratio with its spread, the limits and the verdict', () => {
  const [head, row] = formatTable([measured]).split('\n')
  assert.match(head ?? '', /BASELINE +OURS +RATIO/)
  assert.equal(
    row?.replace(/ {2,}/g, ' | '),
    'PF-04 cold | 9.00 ms | 40.0 ms | 4.40× | 4.20–4.60 | 4.00–4.80 | 2 | ≤ 3× | ≤ 7×, 2500 ms | 7 ms | 80 MiB | gate',
  )
})

test('a row that did not run says why', () => {
  assert.match(formatTable([failed]), /^PF-04: No-op job\nPF-04 cold did not run: no runner$/m)
})

test('growth is said with its sizes', () => {
  const growth = { of: 'lines', sizes: [1, 2], exponentMax: 1.15, at: async () => 1 }
  const points = [1, 2].map((size) => ({ size, value: 10 * size }))
  const figures = { ...measured.figures!, growth: { points, exponent: 1 } }
  const table = formatTable([{ ...measured, scenario: { ...scenario, growth }, figures }])
  assert.match(
    table,
    /PF-04 cold grows with the power 1\.00 of lines \(at most 1\.15\): 1: 10\.0 ms, 2: 20\.0 ms/,
  )
})

test('large values are short', () => {
  const lines = { ...scenario, unit: 'lines/s' as const }
  const figures = { ...measured.figures!, baseline: summarise([12_200_000]), subject: summarise([731_000]) }
  assert.match(formatTable([{ ...measured, scenario: lines, figures }]), /12\.2 Mlines\/s +731 klines\/s/)
})

test('the JSON form holds what the table holds, and nothing about who ran it', () => {
  const origin = {
    ...{ commit: 'abc', dirty: false, versions: {}, load: 0.1 },
    machine: { cpu: 'x', cores: 2, memoryBytes: 1, kernel: '6', fs: 'ext4', isolation: 'namespace' },
  }
  const json = toJson(origin, [measured, failed])
  assert.equal(json.schema, 1)
  assert.deepEqual(json.rows[0]?.ratio, { median: 4.4, q1: 4.2, q3: 4.6, min: 4, max: 4.8, n: 2 })
  assert.deepEqual(
    [json.rows[1]?.verdict, json.rows[1]?.error, json.rows[1]?.ratio],
    ['broken', 'no runner', null],
  )
})

test('verdicts are counted in words', () => {
  assert.equal(formatVerdicts([measured, failed, failed]), '1 held the gate, not yet the goal, 2 broken')
})

test('peers stand below the table, with their ratio, ours to theirs, and why one is not here', () => {
  const value = summarise([80])
  const peers = [
    { name: 'buildbot', version: '3.7', measured: { value, ratio: summarise([8]) }, why: null },
    { name: 'laminar', version: null, measured: null, why: 'not here: laminard not on the path' },
  ]
  const { figures } = measured
  const text = formatTable([{ ...measured, figures: figures && { ...figures, peers } }])
  assert.match(
    text,
    /^PF-04 cold {2}buildbot {2}3\.7 {2}80\.0 ms {2}8\.00× of the baseline, N 1; ours is 0\.50× of it$/m,
  )
  assert.match(text, /^PF-04 cold {2}laminar {2}not here: laminard not on the path$/m)
})
