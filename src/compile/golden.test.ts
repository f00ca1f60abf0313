// Golden cases: a folder of testdata/ with `input.yml`, and `event.json` when it is not a push to main, whose plan is
// `plan.json` and whose problems are `problems.txt`. A case that asks for `origins.json` has one. UPDATE_GOLDEN=1
// rewrites them; a file that nothing explains fails.

import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { PlanInputs } from '../protocol/plan.ts'
import { parsePlan } from '../protocol/plan-parse.ts'
import { compile, formatProblems } from './index.ts'

const root = fileURLToPath(new URL('testdata/', import.meta.url))
const isUpdating = process.env.UPDATE_GOLDEN === '1'

const pushToMain: PlanInputs = {
  event: { kind: 'push', ref: 'refs/heads/main', commit: 'a'.repeat(40), branch: 'main', tag: null },
  parameters: {},
}

const readInputs = (folder: string): PlanInputs =>
  existsSync(`${folder}/event.json`)
    ? { ...pushToMain, ...JSON.parse(readFileSync(`${folder}/event.json`, 'utf8')) }
    : pushToMain

const compareFile = (path: string, actual: string | null): void => {
  if (isUpdating && actual === null) rmSync(path, { force: true })
  else if (isUpdating && actual !== null) writeFileSync(path, actual)
  const expected = existsSync(path) ? readFileSync(path, 'utf8') : null
  assert.equal(actual, expected, `${path} differs; UPDATE_GOLDEN=1 rewrites it`)
}

const pretty = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`

const known = new Set(['input.yml', 'event.json', 'plan.json', 'origins.json', 'problems.txt'])

for (const name of readdirSync(root)) {
  const folder = root + name
  test(`the golden case ${name} compiles as written down`, () => {
    const stray = readdirSync(folder).filter((file) => !known.has(file))
    assert.deepEqual(stray, [], `stray files in ${folder}`)
    const inputs = readInputs(folder)
    const files = new Map([['.circleci/config.yml', readFileSync(`${folder}/input.yml`, 'utf8')]])
    const result = compile({ files, ...inputs })
    compareFile(`${folder}/plan.json`, result.ok ? pretty(result.plan) : null)
    compareFile(`${folder}/problems.txt`, result.problems.length > 0 ? formatProblems(result.problems) : null)
    if (existsSync(`${folder}/origins.json`))
      compareFile(`${folder}/origins.json`, result.ok ? pretty(result.origins) : null)
    if (result.ok)
      assert.ok(parsePlan(JSON.parse(JSON.stringify(result.plan))).ok, 'the plan is not well-formed')
  })
}
