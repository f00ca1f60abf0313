import assert from 'node:assert/strict'
import { test } from 'node:test'
import { problemCodes } from '../../protocol/problem-codes.ts'
import { createProblems } from '../problems.ts'
import { lineOf } from './file.ts'
import { loadYaml } from './load.ts'
import { resolveScalar, type SourceNode } from './node.ts'

const toValue = (node: SourceNode): unknown => {
  if (node.kind === 'scalar') return resolveScalar(node).value
  if (node.kind === 'list') return node.items.map(toValue)
  return [...node.entries].map(([key, { value }]) => [key, toValue(value)])
}

const load = (text: string) => {
  const problems = createProblems()
  const node = loadYaml('c.yml', text, problems)
  return { node, problems: problems.list(), value: node && toValue(node) }
}

/** The problems as `symbol@line:column`. */
const found = (text: string) =>
  load(text).problems.map((problem) => {
    const symbol = Object.entries(problemCodes).find(([, row]) => row.number === problem.code)?.[0]
    return `${symbol}@${problem.at?.line}:${problem.at?.column}`
  })

test('scalars keep their text and mean what YAML 1.2 says, timestamps, octals and the booleans of 1.1 excepted', () => {
  const { value } = load(
    '[1, 1.10, yes, True, ~, 2019-01-01, "1", 010, 1e3, 0x10, 3.9.0, 12:30, 9007199254740993]',
  )
  const text = '9007199254740993'
  assert.deepEqual(value, [
    1,
    1.1,
    true,
    true,
    null,
    '2019-01-01',
    '1',
    '010',
    '1e3',
    16,
    '3.9.0',
    '12:30',
    text,
  ])
})

test('a byte order mark, carriage returns and a leading document mark change nothing', () => {
  assert.deepEqual(load('\uFEFF---\r\na: b\r\nc: |\r\n  x\r\n  y\r\n').value, [
    ['a', 'b'],
    ['c', 'x\ny\n'],
  ])
})

test('a value below its key may be as deep as that, and a comment right behind a bracket is one', () => {
  const script = 'a:\n  - run:\n    |\n      x\n      y\n  - b:\r\n    c\nd: [e]#f\n'
  assert.deepEqual(load(script).problems, [])
  assert.deepEqual(load(script).value, [
    ['a', [[['run', 'x\ny\n']], [['b', 'c']]]],
    ['d', ['e']],
  ])
  const { node } = load(script)
  assert.equal(node?.kind === 'map' && lineOf(node.entries.get('d')?.key ?? assert.fail()), 8)
  assert.deepEqual(found('a:\n  - run:\n  |\n    x\n').at(0), 'E_YAML_SYNTAX@3:3', 'not above its key')
  assert.deepEqual(found('a:\n  b: c\n  d\n').at(0), 'E_YAML_SYNTAX@3:3')
})

test('an empty file and one with only comments are empty scalars', () => {
  for (const text of ['', '# only\n', '---\n']) assert.equal(load(text).value, null)
})

test('keys that are no strings become their source text, and inherited names are ordinary keys', () => {
  const { value } = load('3.9: a\non: b\ntrue: c\n__proto__: d\nconstructor: e\n')
  assert.deepEqual(value, [
    ['3.9', 'a'],
    ['on', 'b'],
    ['true', 'c'],
    ['__proto__', 'd'],
    ['constructor', 'e'],
  ])
})

test('merges keep written keys, the earlier merge wins, lists and several merges in one map work', () => {
  const bases = 'x: &x {a: 1, b: 1}\ny: &y {b: 2, c: 2}\n'
  const merged = [
    ['a', 0],
    ['b', 1],
    ['c', 2],
  ]
  const target = (text: string) => (load(bases + text).value as [string, unknown][])[2]?.[1]
  assert.deepEqual(target('z: {a: 0, <<: [*x, *y]}'), merged)
  assert.deepEqual(target('z:\n  a: 0\n  <<: *x\n  <<: *y\n'), merged)
  assert.deepEqual(target('z:\n  << : *y\n'), [
    ['b', 2],
    ['c', 2],
  ])
  assert.deepEqual(target('z: {"<<": q}'), [['<<', 'q']])
})

test('an anchor that is defined twice means the later one from there on', () => {
  assert.deepEqual(load('[&a 1, *a, &a 2, *a]').value, [1, 1, 2, 2])
})

test('a duplicate key warns and the last one counts', () => {
  const text = 'a: 1\nb: 2\na: 3\n'
  assert.deepEqual(found(text), ['W_YAML_DUPLICATE_KEY@3:1'])
  assert.deepEqual(load(text).value, [
    ['a', 3],
    ['b', 2],
  ])
})

const refused: readonly (readonly [what: string, text: string, expected: readonly string[]])[] = [
  ['two documents', 'a: 1\n---\nb: 2\n', ['E_YAML_DOCUMENTS@2:1']],
  ['a foreign tag', 'a: !ruby/object x\n', ['E_YAML_TAG@1:17']],
  ['a binary', 'a: !!binary aGk=\n', ['E_YAML_TAG@1:13']],
  ['a set', 'a: !!set {b}\n', ['E_YAML_TAG@1:10']],
  ['an unknown alias', 'a: &base 1\nb: *bsae\n', ['E_YAML_ALIAS@2:4']],
  ['a recursive alias', 'a: &a [*a]\n', ['E_YAML_ALIAS@1:8']],
  ['a map as key', '? {a: b}\n: c\n', ['E_YAML_KEY@1:3']],
  ['a scalar merge', '<<: x\n', ['E_YAML_MERGE@1:5']],
  ['broken syntax, every fault of it', 'a: @x\nb: `y\n', ['E_YAML_SYNTAX@1:4', 'E_YAML_SYNTAX@2:4']],
  ['a tab as indentation', 'a:\n\tb: 1\n', ['E_YAML_SYNTAX@2:1']],
]
for (const [what, text, expected] of refused)
  test(`${what} is refused where it stands`, () => {
    assert.deepEqual(found(text), expected)
    assert.equal(load(text).node, null)
  })

test('one slip does not bring an error for each token behind it', () => {
  const behind = 'g: {h: [i]}\n'.repeat(30)
  const flow = found(`a: {b: c-{{d}}, e: f}\n${behind}`)
  assert.deepEqual([flow[0], flow.length < 6], ['E_YAML_SYNTAX@1:10', true], flow.join(' '))
  const tab = found(`a:\n\tb: 1\n${'c: [}\n'.repeat(30)}`)
  assert.deepEqual([tab[0], tab.length < 6], ['E_YAML_SYNTAX@2:1', true], tab.join(' '))
})

test('core tags are accepted, and !!str keeps a number a text', () => {
  assert.deepEqual(load('[!!str 1, !!int 2, !!map {}, ! 3]').value, ['1', 2, [], '3'])
})

test('bytes, depth and alias expansion are bounded, and quickly', () => {
  const started = performance.now()
  assert.match(found(`a: ${'é'.repeat(1_600_000)}`)[0]!, /^E_YAML_TOO_LARGE/)
  assert.match(found('['.repeat(3_000_000))[0]!, /^E_YAML_TOO_DEEP@1:10/)
  assert.match(found('- '.repeat(1_500_000))[0]!, /^E_YAML_TOO_DEEP/)
  assert.match(found('{a: '.repeat(700_000))[0]!, /^E_YAML_TOO_DEEP/)
  const laughs = Array.from({ length: 30 }, (_, i) => `l${i}: &l${i} [${i ? `*l${i - 1}, *l${i - 1}` : 1}]\n`)
  assert.match(found(laughs.join(''))[0]!, /^E_YAML_EXPANSION/)
  assert.ok(performance.now() - started < 3000, 'a limit came too late')
})

test('exactly a hundred levels are allowed', () => {
  assert.deepEqual(found(`${'['.repeat(100)}${']'.repeat(100)}`), [])
  assert.match(found(`${'['.repeat(102)}${']'.repeat(102)}`)[0]!, /^E_YAML_TOO_DEEP/)
})

test('a position names line and column, a frame the lines around it', () => {
  const problem = load('a: 1\nb: 2\nc: 3\nd: *none\ne: 5\nf: 6\n').problems[0]!
  assert.deepEqual(problem.at, { file: 'c.yml', line: 4, column: 4, length: 5 })
  assert.deepEqual(
    problem.frame.map((row) => row.text),
    ['b: 2', 'c: 3', 'd: *none', 'e: 5'],
  )
  const { node } = load('a: 1\r\nb:\r\n  - x\r\n')
  assert.ok(node?.kind === 'map')
  const list = node.entries.get('b')?.value
  assert.ok(list?.kind === 'list')
  assert.equal(lineOf(list.items[0]!), 3)
})
