import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isImpossible, readCandidates } from './import.ts'

test('what a file names is doubted by its value and by what is there', () => {
  const text = 'A=some long value\nB=changeme\nC=\nD=1234\nE=another value\nF=the value of F\nnot a line'
  const secret = { name: 'E', kind: 'env' as const, state: 'active' as const, signing: null, detail: null }
  const known = [secret, { ...secret, name: 'F', kind: 'file' as const, state: 'revoked' as const }]
  const { candidates, problems } = readCandidates(text, known)
  assert.deepEqual(
    candidates.map((one) => [one.entry.name, one.doubts, isImpossible(one)]),
    [
      ['A', [], false],
      ['B', ['test'], false],
      ['C', ['empty'], true],
      ['D', ['short'], false],
      ['E', ['exists'], false],
      ['F', ['kind'], true],
    ],
  )
  assert.deepEqual(problems, [{ line: 7, rule: 'assignment' }])
})
