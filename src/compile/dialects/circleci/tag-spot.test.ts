import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createProblems } from '../../problems.ts'
import { loadYaml } from '../../source/load.ts'
import type { ScalarNode, SourceNode } from '../../source/node.ts'
import { tagSpot } from './tag-spot.ts'

const scalarOf = (yaml: string): ScalarNode => {
  const root = loadYaml('config.yml', yaml, createProblems())
  const node: SourceNode | undefined = root?.kind === 'map' ? root.entries.get('run')?.value : undefined
  assert.ok(node?.kind === 'scalar', yaml)
  return node
}

/** What is underlined for the nth tag of the text. */
const shown = (yaml: string, nth: number): string => {
  const node = scalarOf(yaml)
  const at = node.text.split('<<').slice(0, nth).join('<<').length
  const { file, start, end } = tagSpot(node, at)
  return file.text.slice(start, end)
}

test('a tag is found in every way to write a text', () => {
  const ways = [
    'run: a << one >> b << two >> c',
    'run: "a << one >> b\n  << two >> c"',
    "run: 'it''s << one >> b\n\n  << two >>'",
    'run: |\n    a << one >>\n      b\n    << two >>\n',
    'run: >-\n  a << one >>\n  b << two >>\n',
    'run: |2-\n   a << one >>\n   b << two >>',
  ]
  for (const yaml of ways)
    assert.deepEqual([shown(yaml, 1), shown(yaml, 2)], ['<< one >>', '<< two >>'], yaml)
})

test('one that is not closed on its line is two characters', () => {
  assert.equal(shown('run: |\n  cat <<EOF\n  x >> y\n', 1), '<<')
  assert.equal(shown('run: |\n  x\n  cat <<', 1), '<<')
})

test('where the file has other tags than the text it is the whole text', () => {
  const yaml = 'run: "a \\x3c< one >> b"'
  assert.equal(shown(yaml, 1), '"a \\x3c< one >> b"')
})

test('thousands of tags cost about as much as reading the text', () => {
  const line = '  echo << parameters.none >>\n'
  const node = scalarOf(`run: |\n${line.repeat(20_000)}`)
  const last = node.text.lastIndexOf('<<')
  let sum = 0
  for (let at = node.text.indexOf('<<'); at !== -1; at = node.text.indexOf('<<', at + 2))
    sum += tagSpot(node, at).end > node.start ? 1 : 0
  assert.equal(sum, 20_000)
  assert.equal(tagSpot(node, last).start, node.file.text.lastIndexOf('<<'))
})
