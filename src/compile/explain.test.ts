// Every explanation shows a configuration that has exactly the problem it explains.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { problemExplanations } from '../protocol/explain/index.ts'
import { type ProblemCode, problemCodes } from '../protocol/problem-codes.ts'
import { compile } from './index.ts'

const codesOf = (text: string, branch: string): readonly string[] => {
  const event = {
    kind: 'push',
    ref: `refs/heads/${branch}`,
    commit: 'a'.repeat(40),
    branch,
    tag: null,
  } as const
  const files = new Map([['.circleci/config.yml', text]])
  const { problems } = compile({ files, event, parameters: {}, followSetup: true })
  return [...new Set(problems.map((problem) => problem.code))]
}

const explained = Object.entries(problemExplanations())

test('every code is explained, in sentences', () => {
  assert.deepEqual(explained.map(([code]) => code).toSorted(), Object.keys(problemCodes).toSorted())
  for (const [code, { why, mend }] of explained)
    for (const text of [why, mend]) assert.match(text, /^[A-Z].{14,400}[.]$/, code)
})

test('each example has that problem and no other', () => {
  for (const [code, { example }] of explained)
    if (example) {
      const { number } = problemCodes[code as ProblemCode]
      assert.deepEqual(codesOf(example.text, example.branch ?? 'main'), [number], `${code}\n${example.text}`)
    }
})

test('only what cannot be shown in a few lines has no example', () => {
  const without = explained.filter(([, { example }]) => example === null).map(([code]) => code)
  assert.deepEqual(without, ['E_YAML_TOO_LARGE', 'E_CONFIG_MISSING', 'N_MORE_PROBLEMS'])
  for (const [code, { example }] of explained)
    assert.ok((example?.text.split('\n').length ?? 0) <= 20, `${code} is long`)
})
