// The catalogues of codes and their page for people agree.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { faultExplanations } from '../../src/base/fault-explanations.ts'
import { catalogue } from '../../src/base/faults.ts'
import { problemCodes } from '../../src/compile/index.ts'
import { errorsPage } from '../../tools/errors-page.ts'

test('docs/reference/errors.md is what tools/docs.ts writes', () => {
  const page = readFileSync(join(import.meta.dirname, '../../docs/reference/errors.md'), 'utf8')
  assert.ok(page === errorsPage(), 'run tools/docs.ts')
})

test('every fault is explained, in sentences', () => {
  assert.deepEqual(Object.keys(faultExplanations), Object.keys(catalogue))
  for (const [code, { why, mend }] of Object.entries(faultExplanations))
    for (const text of [why, mend]) assert.match(text, /^[A-Z].{14,300}[.]$/, code)
})

test('no two codes share a number', () => {
  const numbers = [...Object.values(catalogue), ...Object.values(problemCodes)].map((row) => row.number)
  assert.equal(new Set(numbers).size, numbers.length)
})
