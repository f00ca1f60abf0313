// Steps that are passed to a command may call that command: they were written outside of it. What a command's own body says
// is another matter.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compile } from '../../index.ts'

const commands = `
  wrap: {parameters: {s: {type: steps, default: []}}, steps: [{run: in}, {steps: << parameters.s >>}, {run: out}]}
  twice: {parameters: {s: {type: steps}}, steps: [{wrap: {s: << parameters.s >>}}, {wrap: {s: [{wrap: {s: << parameters.s >>}}]}}]}
  checkout: {parameters: {s: {type: steps, default: []}}, steps: [checkout, {steps: << parameters.s >>}]}
  ofDefault: {parameters: {s: {type: steps, default: [ofDefault]}}, steps: [{steps: << parameters.s >>}]}
  roundabout: {steps: [{wrap: {s: [{roundabout: {}}]}}]}
`
const compiled = (steps: string) => {
  const text = `version: 2.1\ncommands:${commands}jobs: {build: {docker: [{image: i}], steps: ${steps}}}\n`
  const event = {
    kind: 'push',
    ref: 'refs/heads/main',
    commit: 'a'.repeat(40),
    branch: 'main',
    tag: null,
  } as const
  const result = compile({ files: new Map([['.circleci/config.yml', text]]), event, parameters: {} })
  return result.ok
    ? (result.plan.workflows[0]?.jobs[0]?.spec?.steps ?? []).map(({ name }) => name)
    : result.problems.flatMap(({ severity, message }) => (severity === 'error' ? [message] : []))
}

test('a command takes steps that call it again, also handed on by another one', () => {
  assert.deepEqual(compiled('[{wrap: {s: [{wrap: {s: [{run: x}]}}]}}]'), ['in', 'in', 'x', 'out', 'out'])
  const once = ['in', 'in', 'x', 'out', 'out']
  assert.deepEqual(compiled('[{twice: {s: [{wrap: {s: [{run: x}]}}]}}]'), [...once, 'in', ...once, 'out'])
})

test('passed to a command of its name, a built-in is what it is where it was written', () => {
  assert.deepEqual(compiled('[{checkout: {s: [{checkout: {}}]}}]'), ['checkout', 'checkout'])
})

test('a body that calls itself is refused, by its default and through another command, too', () => {
  assert.match(compiled('[ofDefault]').join(), /without end: ofDefault → ofDefault/)
  assert.match(compiled('[roundabout]').join(), /without end: roundabout → roundabout/)
})

test('steps within steps, as deep as they get, end in words', () => {
  let steps = '{run: x}'
  for (let i = 0; i < 60; i++) steps = `{wrap: {s: [${steps}]}}`
  assert.match(compiled(`[${steps}]`).join(), /without end|nest/)
})
