// Shapes: closed objects, every problem reported with its path, values never repeated.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  either,
  hasTag,
  id,
  integer,
  list,
  object,
  oneOf,
  optional,
  parseShape,
  text,
  where,
} from './shape.ts'

const shape = object({
  name: text({ max: 5, form: /^[a-z]+$/ }),
  size: optional(integer({ min: 1, max: 9 })),
  tags: list(text({ max: 3 }), { max: 2 }),
  kind: oneOf('a', 'b', null),
})
const check = (value: unknown, expected: unknown) => {
  const parsed = parseShape(shape, value)
  assert.deepEqual(parsed.ok ? parsed.value : parsed.problems.map((problem) => problem.message), expected)
}

test('a value that fits comes back typed', () => {
  check({ name: 'abc', tags: [], kind: null }, { name: 'abc', tags: [], kind: null })
  check({ name: 'abc', size: 9, tags: ['x'], kind: 'a' }, { name: 'abc', size: 9, tags: ['x'], kind: 'a' })
})

test('all problems are reported at once, with paths and without values', () => {
  check({ name: 'SECRET', size: 0, tags: ['long', 1], extra: 1 }, [
    'unknown member "extra"',
    'name: is longer than 5 characters',
    'size: must be an integer from 1 to 9',
    'tags.0: is longer than 3 characters',
    'tags.1: must be text',
    'kind: is missing',
  ])
  check([], ['must be an object'])
  check({ name: '', size: undefined, tags: ['', 'b', 'c'], kind: undefined }, [
    'name: is too short',
    'size: must be an integer from 1 to 9',
    'tags: has more than 2 entries',
    'kind: must be "a" or "b" or null',
  ])
})

test('inherited members do not count', () => {
  assert.equal(parseShape(object({ a: oneOf(1) }), Object.create({ a: 1 })).ok, false)
  assert.equal(parseShape(object({}), JSON.parse('{"__proto__":1}')).ok, false)
})

test('unions, ids and conditions', () => {
  const union = either(hasTag('t', 'x'), object({ t: oneOf('x') }), object({ t: oneOf('y') }))
  assert.deepEqual(parseShape(union, { t: 'y' }).ok, true)
  assert.deepEqual(parseShape(union, { t: 'z' }).ok, false)
  assert.equal(parseShape(id('run'), `run_${'0'.repeat(26)}`).ok, true)
  assert.equal(parseShape(id('run'), `job_${'0'.repeat(26)}`).ok, false)
  assert.equal(
    parseShape(
      where(oneOf(1, 2), (value) => value === 2, 'two'),
      1,
    ).ok,
    false,
  )
})
