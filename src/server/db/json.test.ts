import assert from 'node:assert/strict'
import { test } from 'node:test'
import { jsonText } from './json.ts'

test('what PostgreSQL refuses is replaced, everything else stays', () => {
  assert.deepEqual(JSON.parse(jsonText({ a: 'x\0y', b: '\ud800z', c: '😀é\n' })), {
    a: 'x\u2400y',
    b: '\ufffdz',
    c: '😀é\n',
  })
})
