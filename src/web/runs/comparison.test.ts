import assert from 'node:assert/strict'
import { test } from 'node:test'
import { changeOf, differenceOf, planRows } from './comparison.ts'

test('whole jobs come before fields of jobs', () => {
  const of = { workflow: 'ci', job: 'a' }
  const fields = [{ field: 'image', before: 'x', after: null }]
  const rows = planRows({ added: [of], removed: [of], changed: [{ ...of, fields }] })
  assert.deepEqual(
    rows.map(({ kind, field, before }) => [kind, field, before]),
    [
      ['added', null, null],
      ['removed', null, null],
      ['changed', 'image', 'x'],
    ],
  )
})

test('a value that did not change stands once, one that is missing is a dash', () => {
  const upper = (word: string) => word.toUpperCase()
  assert.equal(changeOf({ before: 'a', after: 'a' }, upper), 'A')
  assert.equal(changeOf({ before: null, after: 'b' }, upper), '– → B')
})

test('a difference has a sign, and none where one side is missing', () => {
  assert.equal(differenceOf({ before: 1_000, after: 3_500 }), '+2.5s')
  assert.equal(differenceOf({ before: 3_500, after: 1_000 }), '−2.5s')
  assert.equal(differenceOf({ before: 5, after: 5 }), '0')
  assert.equal(differenceOf({ before: null, after: 5 }), '–')
})
