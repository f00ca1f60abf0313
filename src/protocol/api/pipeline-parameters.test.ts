import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pipelineParameters } from './shapes.ts'

test('parameters are few, short and of the three types; what no column could hold is refused', () => {
  const isGood = (value: unknown) => pipelineParameters.safeParse(value).success
  assert.ok(isGood({}))
  assert.ok(isGood({ deploy: true, 'copies-2': -3, _target: 'ü' }))
  for (const bad of [
    { a: 1.5 },
    { a: 2 ** 60 },
    { a: null },
    { a: ['x'] },
    { a: 'x\u0000' },
    { a: '\ud800' },
    { a: 'x'.repeat(513) },
    { '': 'x' },
    { 'a b': 'x' },
    Object.fromEntries(Array.from({ length: 101 }, (_, i) => [`p${i}`, i])),
  ])
    assert.equal(isGood(bad), false, JSON.stringify(bad).slice(0, 60))
})
