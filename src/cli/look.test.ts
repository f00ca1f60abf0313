// Tables on terminals of any width: no line is longer than the terminal unless a word is, and every word of every cell is there.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { writeTable } from './look.ts'

const table = (
  columns: number | null,
  heading: readonly string[],
  rows: readonly (readonly string[])[],
): readonly string[] => {
  const written: string[] = []
  const output = {
    isTerminal: columns !== null,
    columns: columns ?? 80,
    write: (text: string | Uint8Array) => void written.push(String(text)),
  }
  writeTable(output, heading, rows)
  return written.join('').split('\n').slice(0, -1)
}
const heading = ['STATUS', 'PART', 'FOUND']
const rows = [
  ['\u001b[32m✓ ok\u001b[0m', 'disk', '76 GiB of 252 GiB free at /srv/mayfly'],
  ['\u001b[33m! weak\u001b[0m', 'backup', ''],
]

test('a table that has room is as wide as what stands in it', () => {
  assert.deepEqual(table(60, heading, rows), [
    'STATUS  PART    FOUND',
    '\u001b[32m✓ ok\u001b[0m    disk    76 GiB of 252 GiB free at /srv/mayfly',
    '\u001b[33m! weak\u001b[0m  backup',
  ])
})

test('a table without room has cells of several lines, and broken at no word', () => {
  assert.deepEqual(table(40, heading, rows), [
    'STATUS  PART    FOUND',
    '\u001b[32m✓ ok\u001b[0m    disk    76 GiB of 252 GiB free',
    '                at /srv/mayfly',
    '\u001b[33m! weak\u001b[0m  backup',
  ])
})

test('a table whose words have no room beside each other has a few lines for each row', () => {
  assert.deepEqual(table(24, heading, rows), [
    'STATUS  \u001b[32m✓ ok\u001b[0m',
    'PART    disk',
    'FOUND   76 GiB of 252',
    '        GiB free at',
    '        /srv/mayfly',
    '',
    'STATUS  \u001b[33m! weak\u001b[0m',
    'PART    backup',
  ])
})

test('only a row begins at the left, so that no line of a name looks like one', () => {
  assert.deepEqual(table(22, ['NAME', 'STATE'], [['a name of four words', 'open now']]), [
    'NAME          STATE',
    'a name of     open now',
    '  four words',
  ])
})

test('a pipe gets tabs, whatever its width; nothing is said to be nothing only to people', () => {
  assert.deepEqual(table(null, ['A', 'B'], [['x', 'y z']]), ['x\ty z'])
  assert.deepEqual(table(null, ['A', 'B'], []), [])
  assert.deepEqual(table(80, ['A', 'B'], []), ['there is none'])
})

test('at every width each word of a table stands there, and only words are longer than a line', () => {
  const many = Array.from({ length: 20 }, (_, i) => [`run ${i}`, 'word '.repeat(i).trim(), 'x'.repeat(i * 3)])
  const wanted = many
    .flat()
    .flatMap((cell) => cell.split(' '))
    .filter((word) => word !== '')
  for (let columns = 1; columns <= 140; columns++) {
    const lines = table(columns, ['RUN', 'ABOUT', 'ID'], many)
    const words = lines.join(' ').split(' ')
    for (const word of wanted) assert.ok(words.includes(word), `${word} at ${columns}`)
    for (const line of lines) assert.ok(line.length <= Math.max(columns, 57 + 7), `${columns}: ${line}`)
  }
})
