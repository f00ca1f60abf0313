// What a plan says that a pipeline takes: what is declared, and the words of a refusal are those of the compiler.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createRandom } from '../../../../test/support/random.ts'
import { refusalOf, refusalsOf } from '../../../protocol/pipeline-parameters.ts'
import type { PlanParameter } from '../../../protocol/plan.ts'
import { parsePlan } from '../../../protocol/plan-parse.ts'
import { compile } from '../../index.ts'

const compiled = (parameters: unknown, given: Readonly<Record<string, string | number | boolean>> = {}) =>
  compile({
    files: new Map([['.circleci/config.yml', JSON.stringify({ ...body, parameters })]]),
    event: {
      ...{ kind: 'manual', ref: 'refs/heads/main', commit: 'a'.repeat(40), branch: 'main', tag: null },
    },
    parameters: given,
  })
const body = {
  version: 2.1,
  jobs: { build: { docker: [{ image: 'alpine' }], steps: [{ run: 'true' }] } },
  workflows: { all: { jobs: ['build'] } },
}
const takesOf = (parameters: unknown) => {
  const result = compiled(parameters)
  assert.ok(result.ok, JSON.stringify(result.problems))
  assert.ok(parsePlan(JSON.parse(JSON.stringify(result.plan))).ok)
  return result.plan.takes
}

test('name, type, default, values and description of each parameter are told; none is told as none', () => {
  const declared = {
    target: { type: 'enum', enum: ['staging', 'live'], default: 'staging', description: ' where to ' },
    copies: { type: 'integer', default: 3 },
    dry: { type: 'boolean', default: false, description: 'say what\u0000 would happen' },
    words: { type: 'string', default: '' },
    branch: { type: 'string', default: '<< pipeline.git.branch >>' },
  }
  assert.deepEqual(takesOf(declared), [
    {
      name: 'target',
      type: 'enum',
      default: 'staging',
      options: ['staging', 'live'],
      description: 'where to',
    },
    { name: 'copies', type: 'integer', default: 3 },
    { name: 'dry', type: 'boolean', default: false, description: 'say what would happen' },
    { name: 'words', type: 'string', default: '' },
    { name: 'branch', type: 'string', default: null },
  ])
  assert.deepEqual(takesOf(undefined), [])
})

test('what cannot be given from outside, or is too much, is not told at all, and the plan stands', () => {
  assert.equal(takesOf({ 'with space': { type: 'string', default: 'x' } }), undefined)
  assert.equal(takesOf({ a: { type: 'enum', enum: ['x\u0000', 'y'], default: 'y' } }), undefined)
  const many = Array.from({ length: 101 }, (_, i) => [`p${i}`, { type: 'integer', default: i }])
  assert.equal(takesOf(Object.fromEntries(many)), undefined)
  const long = Array.from({ length: 99 }, (_, i) => [
    `p${i}`,
    { type: 'string', default: 'd'.repeat(500), description: 'x' },
  ])
  assert.equal(takesOf(Object.fromEntries(long)), undefined)
  const cut = takesOf({ a: { type: 'string', default: '', description: '\u{1f600}'.repeat(400) } })
  assert.ok((cut?.[0]?.description?.length ?? 0) <= 500 && cut?.[0]?.description?.isWellFormed())
})

test('a value is refused in the words of the compiler, whatever it is', () => {
  const seed = 20_261
  const random = createRandom(seed)
  const pick = <T>(...values: readonly T[]): T => values[random(values.length)] as T
  const text = () => pick('', 'live', 'true', '3', 'a"b', '\u202ehidden', 'x'.repeat(100), 'y'.repeat(600))
  const value = () =>
    pick<() => string | number | boolean>(
      text,
      () => random(9) - 4,
      () => pick(true, false),
    )()
  const declarations: Readonly<Record<string, unknown>> = {
    string: { type: 'string', default: 'x' },
    boolean: { type: 'boolean', default: true },
    integer: { type: 'integer', default: 1 },
    enum: { type: 'enum', enum: ['live', '3', 'true'], default: 'live' },
  }
  const takes: readonly PlanParameter[] = takesOf(declarations) ?? assert.fail()
  for (let round = 0; round < 400; round++) {
    const name = pick('string', 'boolean', 'integer', 'enum', 'strin', 'n'.repeat(200))
    const given = value()
    const result = compiled(declarations, { [name]: given })
    const words = result.problems.filter(({ severity }) => severity === 'error').map(({ message }) => message)
    const own = refusalOf(takes, name, given)
    assert.deepEqual(own === null ? [] : [own], words, `seed ${seed}: ${name} = ${JSON.stringify(given)}`)
  }
  assert.deepEqual(refusalsOf(takes, { integer: '3', string: 'ok' }), [
    {
      name: 'integer',
      words: 'the argument "integer" of this pipeline must be an integer, but is a text: "3"',
    },
  ])
})
