import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseSize } from './size.ts'

test('without words it is one server with one organisation, and nothing is killed', () => {
  const size = parseSize([])
  assert.ok(size !== null && size !== 'help')
  assert.deepEqual(
    [size.runners, size.jobs, size.organisations, size.replicas, size.withFaults],
    [20, 2000, 1, 1, false],
  )
})

test('each size is a whole number', () => {
  const size = parseSize(['--runners', '6', '--organisations', '50', '--replicas', '2', '--faults'])
  assert.ok(size !== null && size !== 'help')
  assert.deepEqual([size.runners, size.organisations, size.replicas, size.withFaults], [6, 50, 2, true])
})

test('what cannot be simulated is refused, and help is asked for in two ways', () => {
  for (const words of [
    ['--jobs', 'many'],
    ['--jobs', '1.5'],
    ['--jobs', '-1'],
    ['--replicas', '3'],
    ['--replicas', '0'],
    ['--organisations', '0'],
    ['--organisations', '11', '--projects', '10'],
    ['--nonsense'],
    ['a word'],
  ])
    assert.equal(parseSize(words), null, words.join(' '))
  for (const word of ['--help', '-h']) assert.equal(parseSize([word]), 'help')
})
