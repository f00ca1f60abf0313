import assert from 'node:assert/strict'
import { test } from 'node:test'
import { given, withType } from './parameters.ts'

test('rows become typed values; those without a name are left out', () => {
  assert.deepEqual(given([{ name: ' ', type: 'string', value: 'x' }]), {})
  assert.deepEqual(
    given([
      { name: ' target', type: 'string', value: ' a ' },
      { name: 'copies', type: 'integer', value: '-3' },
      { name: 'many', type: 'integer', value: 'three' },
      { name: 'deploy', type: 'boolean', value: 'false' },
    ]),
    { parameters: { target: ' a ', copies: -3, many: 'three', deploy: false } },
  )
})

test('another type begins with a value of its own', () => {
  const row = { name: 'a', type: 'string', value: 'x' } as const
  assert.equal(withType(row, 'integer').value, 'x')
  assert.equal(withType(row, 'boolean').value, 'true')
  assert.equal(withType(withType(row, 'boolean'), 'string').value, '')
})
