import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compile } from '../../compile/index.ts'
import { fixText } from './fix.ts'

const event = {
  kind: 'push',
  ref: 'refs/heads/main',
  commit: 'a'.repeat(40),
  branch: 'main',
  tag: null,
} as const
const check = (text: string) =>
  compile({ files: new Map([['.circleci/config.yml', text]]), event, parameters: {} }).problems

test('words that are suggested are put in place, one after the other', () => {
  const text = `version: 2.1
executors: {linux: {docker: [{image: debian:12}]}}
jobs:
  build: {executor: linus, steps: [chekout, {run: {comand: make, when: allways}}]}
workflows: {w: {jobs: [build, {build: {name: again, requires: [biuld]}}]}}
`
  const fixed = fixText(text, check)
  assert.deepEqual(check(fixed.text), [])
  assert.ok(fixed.text.includes('{executor: linux, steps: [checkout, {run: {command: make, when: always}}]}'))
  assert.equal(fixed.changes.length, 5)
})

test('a change that makes nothing better is taken back, and nothing else of the file changes', () => {
  const text = 'version: 2.1\njobs: {build: {machine: true, steps: [checkout, {run: "cat <<EOF"}]}}\n'
  assert.deepEqual(fixText(text, check), { text, changes: [] })
  const never = fixText('a: x\n', () => [
    {
      code: 'X',
      severity: 'error',
      message: '',
      at: { file: 'f', line: 1, column: 4, length: 1 },
      frame: [],
      help: 'did you mean "y"?',
    },
  ])
  assert.deepEqual(never, { text: 'a: x\n', changes: [] })
})
