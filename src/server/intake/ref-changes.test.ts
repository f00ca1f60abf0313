import assert from 'node:assert/strict'
import { test } from 'node:test'
import { refChanges } from './ref-changes.ts'

const [a, b, c] = ['a', 'b', 'c'].map((digit) => digit.repeat(40)) as [string, string, string]
const known = new Map([
  ['refs/heads/main', a],
  ['refs/heads/old', b],
])

test('new, moved and deleted refs are changes, the same ones are none', () => {
  const seen = [
    { ref: 'refs/tags/v1', commit: c },
    { ref: 'refs/heads/main', commit: b },
  ]
  assert.deepEqual(refChanges(known, seen, { isCut: false }), [
    { ref: 'refs/heads/main', old: a, new: b },
    { ref: 'refs/heads/old', old: b, new: '0'.repeat(40) },
    { ref: 'refs/tags/v1', old: null, new: c },
  ])
  const same = [...known].map(([ref, commit]) => ({ ref, commit }))
  assert.deepEqual(refChanges(known, same, { isCut: false }), [])
})

test('a list that was cut deletes nothing, and names that git would not accept are left out', () => {
  const seen = [
    { ref: 'refs/heads/main', commit: a },
    { ref: 'refs/heads/a..b', commit: c },
    { ref: 'refs/heads/x\u0007', commit: c },
  ]
  assert.deepEqual(refChanges(known, seen, { isCut: true }), [])
})
