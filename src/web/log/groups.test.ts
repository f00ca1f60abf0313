// Groups in a log: each dialect's own marks, what is within what, and what only looks like a heading.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { groupMarks, groupsOf } from './groups.ts'

const groups = (...lines: readonly string[]) =>
  groupsOf(groupMarks(lines.map((line) => `${line}\n`).join(''), 1)).map(({ from, to, name, isFolded }) => [
    ...[from, to, name],
    ...(isFolded ? ['folded'] : []),
  ])

test('commands open and close a group, which is folded once it is closed', () => {
  assert.deepEqual(groups('::group::Install', 'a', '::endgroup::', '##[group]Test', 'b', '##[endgroup]'), [
    [1, 3, 'Install', 'folded'],
    [4, 6, 'Test', 'folded'],
  ])
  assert.deepEqual(
    groups('::group::Install', 'a'),
    [[1, null, 'Install']],
    'what went on is read, not hidden',
  )
  assert.deepEqual(groups('::endgroup::', 'x ::group::y', ':group:'), [])
})

test('sections of GitLab end by their names, also one within another', () => {
  const [start, end] = [
    (name: string, words = '') =>
      `\u001b[0Ksection_start:1560896352:${name}[collapsed=true]\r\u001b[0K${words}`,
    (name: string) => `section_end:1560896353:${name}\r\u001b[0K`,
  ]
  assert.deepEqual(groups(start('outer', 'The outer one'), start('inner'), 'x', end('inner'), end('outer')), [
    [1, 5, 'The outer one', 'folded'],
    [2, 4, 'inner', 'folded'],
  ])
  assert.deepEqual(groups(start('outer'), start('lost'), 'x', end('outer')), [
    [1, 4, 'outer', 'folded'],
    [2, 4, 'lost', 'folded'],
  ])
})

test('a heading goes to the next one and is open; diffs and verdicts of Go are none', () => {
  assert.deepEqual(groups('--- Build', 'x', '\u001b[32m+++\u001b[0m :rocket: Deploy', 'y'), [
    [1, 2, 'Build'],
    [3, null, ':rocket: Deploy'],
  ])
  assert.deepEqual(groups('--- a/file.ts', '+++ b/file.ts', '@@ -1 +1 @@'), [])
  assert.deepEqual(groups('--- FAIL: TestSum (0.00s)', '-----', '--- ', '+++'), [])
})

test('numbers go on from the first line of a chunk, of which the last may not have ended', () => {
  assert.deepEqual(
    groupMarks('rest of a line\n::group::One\n::gro', 40).map(({ line, name }) => [line, name]),
    [[41, 'One']],
  )
})
