// Which arguments parameters take, type by type, and which declarations stand.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { judgeCompile } from '../../../../test/support/damaged-configurations.ts'
import { type ProblemCode, problemCodes } from '../../index.ts'

const errorsOf = (text: string): readonly ProblemCode[] => {
  const { problems } = judgeCompile(text)
  const symbols = Object.keys(problemCodes) as ProblemCode[]
  return problems.flatMap(({ code, severity }) =>
    severity === 'error' ? symbols.filter((symbol) => problemCodes[symbol].number === code) : [],
  )
}
const executors = 'executors: {linux: {docker: [{image: i}], parameters: {tag: {type: string, default: x}}}}'
const job = (declaration: string) => `{docker: [{image: i}], parameters: {${declaration}}, steps: [checkout]}`
/** Of a job that is invoked with this argument; null: with none. */
const bound = (declaration: string, argument: string | null) =>
  errorsOf(
    `version: 2.1\n${executors}\njobs: {a: ${job(`p: {${declaration}}`)}}\nworkflows: {w: {jobs: [{a: ${argument === null ? '' : `{p: ${argument}}`}}]}}\n`,
  )
const takes = (declaration: string, ...args: readonly string[]) => {
  for (const argument of args)
    assert.deepEqual(bound(declaration, argument), [], `${declaration}: ${argument}`)
}
const refuses = (declaration: string, ...args: readonly string[]) => {
  for (const argument of args)
    assert.deepEqual(bound(declaration, argument), ['E_ARGUMENT_TYPE'], `${declaration}: ${argument}`)
}

test('an argument is of the type of its parameter: numbers and booleans are no texts, texts no numbers', () => {
  takes('type: string', 'x', '""', '"3"', '1e3', '2020-01-01')
  refuses('type: string', '3', '1.10', 'true', '[x]', '{x: y}')
  takes('type: boolean', 'true', 'no', 'ON', 'y')
  refuses('type: boolean', '"true"', '1', 'maybe', '[true]')
  takes('type: integer', '3', '-3', '0x10')
  refuses('type: integer', '"3"', '3.5', '1e3', 'true', '[3]')
  takes('type: enum, enum: [a, "2", ON]', 'a', '2', 'ON')
  refuses('type: enum, enum: [a, "2", ON]', 'b', 'A', '[a]', '""')
  takes('type: env_var_name', 'AWS_KEY', '_x1', 'a')
  refuses('type: env_var_name', '1X', 'A-B', '"A B"', '""', '3')
  takes('type: steps', '[]', '[checkout, run: x]')
  refuses('type: steps', 'checkout', '{run: x}')
  takes('type: executor', 'linux', '{name: linux}', '{name: linux, tag: y}')
  refuses('type: executor', '{tag: y}', '[linux]', '3')
})

test('an argument that is missing, or that nobody declared, is said; a default stands for one', () => {
  assert.deepEqual(bound('type: string', null), ['E_ARGUMENT_MISSING'])
  assert.deepEqual(bound('type: string, default: ', null), [], 'the empty text')
  assert.deepEqual(bound('type: integer, default: ', null), ['E_ARGUMENT_MISSING'], 'no default')
  assert.deepEqual(bound('type: integer, default: 3', null), [])
  assert.deepEqual(bound('type: integer, default: x', null), ['E_ARGUMENT_TYPE'])
  assert.deepEqual(bound('type: integer, default: x', '3'), [], 'it is not asked for')
  assert.deepEqual(bound('type: string', 'x, q: y'), ['E_ARGUMENT_UNEXPECTED'])
})

test('a declaration has a type that whoever declares it may have, and an enum its values', () => {
  const declared = (owner: string, declaration: string) => {
    const element = `{parameters: {p: {${declaration}}}, ${owner === 'executors' ? 'docker: [{image: i}]' : 'steps: [checkout]'}}`
    const use = owner === 'executors' ? '{executor: x, steps: [checkout]}' : '{machine: true, steps: [x]}'
    return errorsOf(`version: 2.1\n${owner}: {x: ${element}}\njobs: {build: ${use}}\n`)
  }
  for (const type of ['string', 'boolean', 'integer', 'env_var_name']) {
    const value = { boolean: 'true', integer: '1' }[type] ?? 'x'
    for (const owner of ['commands', 'executors'])
      assert.deepEqual(declared(owner, `type: ${type}, default: ${value}`), [], `${owner} ${type}`)
  }
  assert.deepEqual(declared('commands', 'type: steps, default: []'), [])
  assert.deepEqual(declared('executors', 'type: steps, default: []'), ['E_VALUE'])
  assert.deepEqual(declared('executors', 'type: executor, default: y'), ['E_VALUE'])
  assert.deepEqual(declared('commands', 'type: text'), ['E_VALUE'])
  assert.deepEqual(declared('commands', 'default: x'), ['E_PARAMETER_DECLARATION'])
  assert.deepEqual(declared('commands', 'type: enum, default: a'), [
    ...['E_PARAMETER_DECLARATION', 'E_ARGUMENT_TYPE'],
  ])
  assert.deepEqual(declared('commands', 'type: enum, enum: [a], default: a'), [])
  assert.deepEqual(declared('commands', 'type: enum, enum: [a], default: z'), [
    ...['E_PARAMETER_DECLARATION', 'E_ARGUMENT_TYPE'],
  ])
})

test('a pipeline takes plain values, each with a default; nothing of a name that means something else', () => {
  const pipeline = (declaration: string) =>
    errorsOf(`version: 2.1\nparameters: {p: {${declaration}}}\njobs: {build: ${job('')}}\n`)
  assert.deepEqual(pipeline('type: string, default: x'), [])
  assert.deepEqual(pipeline('type: string'), ['E_PARAMETER_DECLARATION'])
  for (const type of ['steps', 'executor', 'env_var_name'])
    assert.deepEqual(pipeline(`type: ${type}, default: x`), ['E_VALUE'], type)
  for (const name of ['name', 'requires', 'context', 'type', 'filters', 'pre-steps', 'post-steps'])
    assert.ok(
      errorsOf(
        `version: 2.1\njobs: {a: ${job(`${name}: {type: string, default: x}`)}}\nworkflows: {w: {jobs: [a]}}\n`,
      ).includes('E_PARAMETER_DECLARATION'),
      name,
    )
})
