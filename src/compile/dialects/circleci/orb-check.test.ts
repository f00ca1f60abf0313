// What is refused of the source of an orb before anybody uses it, with its place, and what waits for whoever does.
import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { damage } from '../../../../test/support/damaged-configurations.ts'
import { createRandom } from '../../../../test/support/random.ts'
import { checkOrb, formatProblems } from '../../index.ts'

const path = 'acme/tools@1.2.3'
const check = (text: string) => checkOrb({ path, text })
const refusal = (text: string): string => {
  const answer = check(text)
  assert.ok(!answer.ok, 'it is taken')
  return formatProblems(answer.problems.filter(({ severity }) => severity === 'error'))
}

const whole = `version: 2.1
description: tools
orbs: {node: circleci/node@5.0.0}
commands:
  greet: {parameters: {to: {type: string}}, steps: [checkout, {run: "echo << parameters.to >>"}, node/install]}
  other: node/install
  all: {parameters: {more: {type: steps}}, steps: [{when: {condition: true, steps: << parameters.more >>}}, {with_tool_cache: {tool: gradle, steps: [checkout]}}, save-cache: {key: a, paths: [b]}, greet: {to: you}]}
executors: {small: {docker: [{image: "debian:12"}]}}
jobs: {build: {executor: small, steps: [greet: {to: me}]}, wait: {type: approval}}
`

test('what it has is told', () => {
  assert.deepEqual(check(whole), {
    ok: true,
    elements: ['command greet', 'command other', 'command all', 'job build', 'job wait', 'executor small'],
  })
})

const wrong: readonly (readonly [text: string, place: string, message: RegExp])[] = [
  ['commands:\n  a: [\n', '', /error\[MF20\d\d\]/],
  ['', '1:1', /no commands, jobs or executors/],
  ['- a\n', '1:1', /must be a map/],
  ['version: 2.1\ndescription: nothing\n', '1:1', /no commands, jobs or executors/],
  ['commands: {a: {steps: [checkout]}}\nworkflows: {}\n', '2:1', /an orb has no "workflows"/],
  ['commands: [a]\n', '1:11', /"commands" must be a map/],
  ['commands:\n  a: checkout\n', '2:6', /command "a" must be a map/],
  ['commands:\n  a: {description: b}\n', '2:3', /command "a" needs "steps"/],
  ['commands:\n  a: {steps: {run: ls}}\n', '2:14', /"steps" of command "a" must be a list/],
  ['commands:\n  a:\n    steps:\n      - run: ls\n        name: b\n', '5:9', /a step has one name/],
  ['commands: {a: {steps: [chekout]}}\n', '1:24', /command named "chekout"/],
  [
    'jobs:\n  a:\n    steps:\n      - when:\n          condition: true\n          steps: [chekout]\n',
    '6:19',
    /command named "chekout"/,
  ],
  ['jobs: {a: {docker: [{image: b}]}}\n', '1:8', /job "a" has no steps/],
  ['commands:\n  a: {parameters: {b: {type: text}}, steps: [checkout]}\n', '2:30', /cannot be "text"/],
]

for (const [text, place, message] of wrong)
  test(`refused where it is wrong: ${JSON.stringify(text).slice(0, 60)}`, () => {
    const words = refusal(text)
    assert.match(words, message)
    assert.ok(words.startsWith(`${path}:${place}`), words)
    assert.match(words, /\^/)
  })

test('a slip is shown with its line, a caret below it, and the next step', () => {
  assert.equal(
    refusal('commands:\n  a:\n    steps:\n      - chekout\n'),
    [
      `${path}:4:9: error[MF2105]: cannot find a definition for a command named "chekout"`,
      '    2 |   a:',
      '    3 |     steps:',
      '    4 |       - chekout',
      '      |         ^^^^^^^',
      '      = help: did you mean "checkout"?',
      '',
    ].join('\n'),
  )
})

test('damaged sources get an answer that can be shown, always', () => {
  for (let seed = 1; seed <= 1_000; seed++) {
    const answer = check(damage(whole, createRandom(seed)))
    if (answer.ok) assert.ok(answer.elements.length > 0)
    else assert.ok(formatProblems(answer.problems).length > 0, `seed ${seed}`)
  }
})

const registry = fileURLToPath(
  new URL(
    '../../../../../shared/conformance/circleci/yaml-language-server/parser/orb-registry',
    import.meta.url,
  ),
)
const skip = existsSync(registry) ? false : 'conformance data is absent (../shared/conformance)'

test('orbs of the public registry are taken', { skip }, () => {
  const files = readdirSync(registry, { recursive: true, encoding: 'utf8' })
  const refused = files
    // One is broken on purpose.
    .filter((file) => file.endsWith('orb.yml') && !file.includes('invalid_yaml'))
    .map((file) => [file, check(readFileSync(join(registry, file), 'utf8'))] as const)
    .filter(([, answer]) => !answer.ok)
  assert.deepEqual(refused, [])
})
