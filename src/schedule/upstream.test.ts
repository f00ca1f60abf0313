import assert from 'node:assert/strict'
import { test } from 'node:test'
import { upstreamOf } from './upstream.ts'

test('everything a job needs, once, what is needed before what needs it', () => {
  const needs = new Map([
    ['d', ['b', 'c']],
    ['b', ['a']],
    ['c', ['a']],
    ['a', []],
    ['x', []],
  ])
  assert.deepEqual(upstreamOf(needs, 'd'), ['a', 'b', 'c'])
  assert.deepEqual(upstreamOf(needs, 'a'), [])
  assert.deepEqual(upstreamOf(needs, 'unknown'), [])
})

test('a chain as long as a plan may have jobs is no problem, nor is a circle', () => {
  const chain = new Map(Array.from({ length: 50_000 }, (_, at) => [`${at}`, at === 0 ? [] : [`${at - 1}`]]))
  assert.equal(upstreamOf(chain, '49999').length, 49_999)
  assert.deepEqual(
    [
      ...upstreamOf(
        new Map([
          ['a', ['b']],
          ['b', ['a']],
        ]),
        'a',
      ),
    ],
    ['b'],
  )
})
