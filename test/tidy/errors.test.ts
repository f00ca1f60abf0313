// The catalogue of faults and its page for people agree, both ways.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { catalogue } from '../../src/base/faults.ts'
import { problemCodes } from '../../src/compile/index.ts'

const page = readFileSync(join(import.meta.dirname, '../../docs/reference/errors.md'), 'utf8')

test('every fault has its row on the page', () => {
  for (const [code, row] of Object.entries(catalogue)) {
    const line = `| ${row.number} | \`${code}\` | ${row.title} | ${row.status} | ${row.exit} | ${row.retryable ? 'yes' : 'no'} |`
    assert.ok(page.includes(line), `docs/reference/errors.md lacks:\n${line}`)
  }
})

test('the page names no fault that does not exist', () => {
  for (const [, code] of page.matchAll(/`(E_[A-Z_]+)`/g))
    assert.ok(code !== undefined && (code in catalogue || code in problemCodes), `${code} is in no catalogue`)
})

test('every problem of a configuration has its row on the page', () => {
  for (const [code, row] of Object.entries(problemCodes))
    assert.ok(
      page.includes(`| ${row.number} | \`${code}\` | ${row.severity} | ${row.title} |`),
      `docs/reference/errors.md lacks ${code}`,
    )
})

test('no two faults share a number', () => {
  const numbers = Object.values(catalogue).map((row) => row.number)
  assert.equal(new Set(numbers).size, numbers.length)
})
