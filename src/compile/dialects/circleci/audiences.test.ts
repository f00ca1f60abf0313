// Naming is declaring: which jobs may prove who they are, and to whom.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compile } from '../../index.ts'

const compiled = (job: string, more = '') =>
  compile({
    files: new Map([
      ['.circleci/config.yml', `version: 2.1\n${more}jobs:\n  build:\n    machine: true\n${job}`],
    ]),
    event: { kind: 'push', ref: 'refs/heads/main', commit: 'a'.repeat(40), branch: 'main', tag: null },
    parameters: {},
  })
const audiences = (job: string, more?: string) => {
  const result = compiled(job, more)
  assert.ok(result.ok, JSON.stringify(result.problems))
  const spec = result.plan.workflows[0]?.jobs[0]?.spec
  return { audiences: spec?.audiences, codes: result.problems.map(({ code }) => code) }
}
const run = (command: string) => `    steps:\n      - run: |\n${command.replace(/^/gm, '          ')}\n`

test('a variable in a script, in a variable or in a command of the file is for the organisation', () => {
  const mine = { audiences: [null], codes: [] }
  assert.deepEqual(audiences(run('aws sts --token "$CIRCLE_OIDC_TOKEN"')), mine)
  assert.deepEqual(audiences(run(`f \${CIRCLE_OIDC_TOKEN_V2}\ng $CIRCLE_OIDC_TOKEN`)), mine)
  assert.deepEqual(
    audiences(`    environment: {TOKEN_FROM: CIRCLE_OIDC_TOKEN_V2}\n${run('./deploy.sh')}`),
    mine,
  )
  const commands = 'commands:\n  sign-in:\n    steps: [{run: "echo $CIRCLE_OIDC_TOKEN"}]\n'
  assert.deepEqual(audiences('    steps: [sign-in]\n', commands), mine)
})

test('who names nothing, or only something like it, declares nobody', () => {
  for (const script of [
    'make',
    'echo $MY_CIRCLE_OIDC_TOKEN $CIRCLE_OIDC_TOKENS',
    'circleci run oidc getter',
    'my-circleci run oidc get',
  ])
    assert.deepEqual(audiences(run(script)), { audiences: undefined, codes: [] }, script)
})

test('"circleci run oidc get" names its audience, in any quotes', () => {
  const cases: readonly (readonly [string, readonly (string | null)[]])[] = [
    [`circleci run oidc get --claims '{"aud":"sts.example.com"}'`, ['sts.example.com']],
    [
      `TOKEN=$(circleci run oidc get --claims "{\\"aud\\": \\"https://vault.example/x\\"}")`,
      ['https://vault.example/x'],
    ],
    [
      `circleci-agent run oidc get \\\n  --claims='{ "aud" : "a" }' | f; circleci run oidc get --claims '{"aud":"b"}'`,
      ['a', 'b'],
    ],
    ['circleci run oidc get > token', [null]],
  ]
  for (const [script, expected] of cases)
    assert.deepEqual(audiences(run(script)), { audiences: expected, codes: [] }, script)
  const parameter = 'parameters: {to: {type: string, default: sts.example.com}}\n'
  const script = `circleci run oidc get --claims '{"aud":"<< pipeline.parameters.to >>"}'`
  assert.deepEqual(audiences(run(script), parameter).audiences, ['sts.example.com'])
})

test('an audience that is put together later, or is none, is warned of and declared to nobody', () => {
  for (const script of [
    'circleci run oidc get --claims "{\\"aud\\":\\"$AUD\\"}"',
    'circleci run oidc get --claims "$CLAIMS"',
    `circleci run oidc get --claims '{"aud":["a","b"]}'`,
    `circleci run oidc get --claims '{"aud":"a b"}'`,
  ])
    assert.deepEqual(audiences(run(script)), { audiences: undefined, codes: ['MF2054'] }, script)
})
