import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compile } from '../../index.ts'

const helpFor = (jobs: string): string | null | undefined => {
  const text = `
version: 2.1
jobs:
  test1: {docker: [{image: i}], steps: [checkout]}
  lint: {docker: [{image: i}], steps: [checkout]}
workflows: {w: {jobs: ${jobs}}}
`
  const event = {
    kind: 'push',
    ref: 'refs/heads/main',
    commit: 'a'.repeat(40),
    branch: 'main',
    tag: null,
  } as const
  const { problems } = compile({
    files: new Map([['.circleci/config.yml', text]]),
    event,
    parameters: {},
  })
  const found = problems.filter(({ code }) => code === 'MF2107')
  assert.equal(found.length, 1)
  return found[0]?.help
}

test('a job is never advised to require itself', () => {
  assert.equal(helpFor('[test1: {requires: [tset1]}]'), null)
  assert.equal(helpFor('[test1: {requires: [tset1]}, lint]'), null)
})

test('a job is advised the nearest of the others', () => {
  assert.equal(helpFor('[test1, lint: {requires: [tset1]}]'), 'did you mean "test1" (line 6)?')
  assert.equal(
    helpFor('[{test1: {name: unit}}, {test1: {name: units, requires: [unitt]}}]'),
    'did you mean "unit" (line 6)?',
  )
})
