// What is sealed of a value that somebody pasted.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { utf8Decode } from '../../base/bytes.ts'
import { typedValue } from './changes.ts'

test('the line end behind a pasted value is no part of a variable, as on the command line; of a key it stays', () => {
  const cases = [
    ['env', 'token\n', 'token'],
    ['env', 'two\nlines\n\n', 'two\nlines\n'],
    ['env', 'token ', 'token '],
    ['ssh', '-----END\n', '-----END\n'],
  ] as const
  for (const [kind, typed, value] of cases) assert.equal(utf8Decode(typedValue(kind, typed)), value)
})
