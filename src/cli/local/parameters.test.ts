import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isFault } from '../../base/faults.ts'
import { readParameters } from './parameters.ts'

test('the declaration types a value; := types it where there is none', () => {
  const types = new Map([
    ['deploy', 'boolean'],
    ['copies', 'integer'],
  ])
  const words = ['deploy=true', 'copies=3', 'target=a=b', 'n=3', 'm:=3', 'yes:=false', 't:="x=y"']
  assert.deepEqual(
    { ...readParameters(words, types) },
    { deploy: true, copies: 3, target: 'a=b', n: '3', m: 3, yes: false, t: 'x=y' },
  )
  for (const word of ['x', '=1', 'x:=1.5', 'x:=[1]', 'x:={', 'x:=null'])
    assert.throws(
      () => readParameters([word], types),
      (error) => isFault(error, 'E_INPUT'),
      word,
    )
})
