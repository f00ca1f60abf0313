// What a script will not find here is said where it asks for it.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compile } from '../../index.ts'

const compiled = (steps: string, withConstructs = false) =>
  compile({
    files: new Map([
      ['.circleci/config.yml', `version: 2.1\njobs:\n  build:\n    machine: true\n    steps:\n${steps}`],
    ]),
    event: { kind: 'push', ref: 'refs/heads/main', commit: 'a'.repeat(40), branch: 'main', tag: null },
    parameters: {},
    withConstructs,
  })

test('a script that names what nothing sets is warned of, at the word, once each', () => {
  const { problems } = compiled(`      - run: |
          curl "$CIRCLE_COMPARE_URL" "\${CIRCLE_COMPARE_URL}"
          test -z "$CIRCLE_PR_NUMBER" || echo "$CIRCLE_PULL_REQUEST $MY_CIRCLE_STAGE $CIRCLE_STAGED"
`)
  assert.deepEqual(
    problems.map(({ code, severity, at }) => [code, severity, at?.line, at?.column, at?.length]),
    [
      ['MF2053', 'warning', 7, 18, 18],
      ['MF2053', 'warning', 8, 21, 16],
    ],
  )
  assert.match(problems[0]?.message ?? '', /only version 1 of the platform had it/)
  assert.match(problems[1]?.help ?? '', /CIRCLE_PULL_REQUEST ends with the number/)
})

test('the report counts it as ignored, with the reason', () => {
  const { constructs = [] } = compiled('      - run: echo $CIRCLE_STAGE\n', true)
  const found = constructs.find(({ what }) => what === 'CIRCLE_STAGE')
  assert.equal(found?.verdict, 'ignored')
  assert.match(found?.text ?? '', /not set here/)
})

test('"deploy" in a job with parallelism is for its first copy, without it an ordinary step', () => {
  const text = (parallelism: number) => `      - run: make
      - deploy: {name: ship it, command: ./ship.sh}
    parallelism: ${parallelism}
`
  const last = (parallelism: number) => {
    const result = compiled(text(parallelism))
    assert.ok(result.ok)
    assert.deepEqual(
      result.problems.map(({ code }) => code),
      ['MF2050'],
    )
    const step = result.plan.workflows[0]?.jobs[0]?.spec?.steps.at(-1)
    return step?.kind === 'run' && [step.name, step.firstShardOnly]
  }
  assert.deepEqual(last(3), ['ship it', true])
  assert.deepEqual(last(1), ['ship it', undefined])
})
