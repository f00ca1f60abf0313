import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compile, configPaths, findConfig, formatProblems, problemCodes } from './index.ts'
import { nearest } from './suggest.ts'

const event = {
  kind: 'push',
  ref: 'refs/heads/main',
  commit: 'a'.repeat(40),
  branch: 'main',
  tag: null,
} as const

test('a problem shows its place, the lines around it, a caret and the next step', () => {
  const text = 'version: 2.1\njobs:\n\ttest: {}\n'
  const { problems } = compile({ files: new Map([['.circleci/config.yml', text]]), event, parameters: {} })
  assert.equal(
    formatProblems(problems.slice(0, 1)),
    `.circleci/config.yml:3:1: error[MF2001]: tabs are not allowed as indentation
    1 | version: 2.1
    2 | jobs:
    3 |  test: {}
      | ^
`,
  )
})

test('hostile text cannot reach the terminal as more than text', () => {
  const problem = {
    code: 'MF2040',
    severity: 'error',
    message: 'bad \u001b[31m\nname',
    at: { file: 'a\u0007.yml', line: 1, column: 2, length: 400 },
    frame: [{ line: 1, text: 'x\u202E\u001b]0;t' }],
    help: null,
  } as const
  const text = formatProblems([problem])
  assert.equal(text.split('\n').length, 4)
  assert.doesNotMatch(text.replaceAll('\n', ''), /\p{Cc}|\u202E/u)
})

test('without a configuration the problem names the places where one is looked for', () => {
  const result = compile({ files: new Map([['README.md', '']]), event, parameters: {} })
  assert.equal(result.ok, false)
  assert.match(formatProblems(result.problems), /^error\[MF2020\].*\n.*\.circleci\/config\.yml/)
  assert.deepEqual(findConfig(['a', '.circleci/config.yml']), {
    path: '.circleci/config.yml',
    dialect: 'circleci',
  })
  assert.equal(findConfig(['circleci/config.yml', '.circleci/config.yaml']), null)
  assert.deepEqual(configPaths, ['.circleci/config.yml'])
})

test('the nearest name is suggested, and nothing that is far away', () => {
  assert.equal(nearest('chekout', ['check', 'checkout', 'run']), 'checkout')
  assert.equal(nearest('tset', ['test', 'best']), 'test')
  assert.equal(nearest('Deploy', ['deploy']), 'deploy')
  assert.equal(nearest('x', ['y', 'z']), null)
  assert.equal(nearest('production', ['a', 'b']), null)
})

test('numbers of problems are unique, and errors, warnings and notes are named so', () => {
  const rows = Object.entries(problemCodes)
  assert.equal(new Set(rows.map(([, row]) => row.number)).size, rows.length)
  const initials = { error: 'E_', warning: 'W_', note: 'N_' }
  for (const [symbol, row] of rows) assert.ok(symbol.startsWith(initials[row.severity]), symbol)
})
