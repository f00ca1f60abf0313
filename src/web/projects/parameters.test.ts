import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Declared, given, valuesOf, withType } from './parameters.ts'

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

test('of what is declared only what somebody changed is given, as its type has it', () => {
  const takes: readonly Declared[] = [
    { name: 'target', type: 'enum', default: 'a', options: ['a', '3'] },
    { name: 'copies', type: 'integer', default: 3 },
    { name: 'dry', type: 'boolean', default: true },
    { name: 'words', type: 'string', default: 'x' },
    { name: 'branch', type: 'string', default: null },
  ]
  assert.deepEqual(valuesOf(takes, {}), {})
  assert.deepEqual(
    valuesOf(takes, { target: 'a', copies: '3', dry: 'true', words: 'x', branch: '', no: '1' }),
    {},
  )
  const edited = { target: '3', copies: 'many', dry: 'false', words: '', branch: '3' }
  assert.deepEqual(valuesOf(takes, edited), {
    target: '3',
    copies: 'many',
    dry: false,
    words: '',
    branch: '3',
  })
  assert.deepEqual(valuesOf(takes, { copies: ' 4' }), { copies: 4 })
})
