// The vectors of the shared conformance data, which lies beside the repository on development machines and is not
// part of it. Where it is absent the tests say so; the golden cases in testdata/ cover the same ground.

import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { Problem } from '../../../base/problem.ts'
import type { RunEvent } from '../../../protocol/plan.ts'
import { compile, type ProblemCode, problemCodes } from '../../index.ts'
import { createPatterns } from '../../pattern/pattern.ts'
import { createOriginMarks } from '../../plan/origins.ts'
import { createWorkMeter } from '../../plan/work.ts'
import { createProblems } from '../../problems.ts'
import { loadYaml } from '../../source/load.ts'
import { resolveScalar, type SourceNode } from '../../source/node.ts'
import { type Compiling, noOrbs } from './compiling.ts'
import { isConditionTrue } from './condition.ts'
import { parseDuration } from './duration.ts'
import { type ExpressionValue, evaluate, isFault, isTruthy, parseExpression } from './expression.ts'
import { substitute } from './substitute.ts'
import { createTemplates } from './template.ts'

const root = fileURLToPath(new URL('../../../../../shared/conformance/circleci/', import.meta.url))
const isAbsent = !existsSync(root)
if (isAbsent) console.log('conformance data is absent (../shared/conformance): vectors are skipped')
const skip = isAbsent && 'conformance data is absent'

// biome-ignore lint/suspicious/noExplicitAny: vectors are free-form JSON
const vectors = (name: string): any => JSON.parse(readFileSync(`${root}vectors/${name}.json`, 'utf8'))

const commit = 'a'.repeat(40)
const eventFor = (ref: { branch?: string; tag?: string }): RunEvent => ({
  kind: 'push',
  ref: ref.tag === undefined ? `refs/heads/${ref.branch}` : `refs/tags/${ref.tag}`,
  commit,
  branch: ref.branch ?? null,
  tag: ref.tag ?? null,
})

const compileText = (text: string, event = eventFor({ branch: 'main' })) =>
  compile({ files: new Map([['.circleci/config.yml', text]]), event, parameters: {} })

const symbols = (problems: readonly Problem[]): ProblemCode[] =>
  (Object.keys(problemCodes) as ProblemCode[]).filter((symbol) =>
    problems.some((problem) => problem.code === problemCodes[symbol].number),
  )

/** A piece of YAML or JSON as a node, in a context with the given pipeline values. */
const contextFor = (text: string, pipeline: Readonly<Record<string, unknown>> = {}) => {
  const problems = createProblems()
  const document = loadYaml('vector.yml', text, problems)
  assert.ok(document?.kind === 'map', text)
  const valueNode = (value: unknown): SourceNode => {
    const node = loadYaml('value.yml', JSON.stringify({ value }), problems)
    assert.ok(node?.kind === 'map')
    return node.entries.get('value')!.value
  }
  const cx: Compiling = {
    problems,
    origins: createOriginMarks(),
    work: createWorkMeter(problems),
    shown: new Set(),
    patterns: createPatterns(problems),
    templates: createTemplates(),
    selection: null,
    event: eventFor({ branch: 'main' }),
    root: document,
    interpolates: true,
    jobs: new Map(),
    commands: new Map(),
    executors: new Map(),
    groups: new Map(),
    orbs: noOrbs,
    isSetup: false,
    isContinuation: false,
    setup: [],
    schedules: [],
    homes: new WeakMap(),
    callers: new WeakMap(),
    pipeline: new Map(Object.entries(pipeline).map(([name, value]) => [name, valueNode(value)])),
  }
  return { cx, problems, valueNode, node: document.entries.get('v')!.value }
}

test('durations follow the vectors', { skip }, () => {
  for (const { text, seconds, error } of vectors('durations').cases)
    assert.equal(parseDuration(text), error ? null : seconds * 1000, text)
})

test('expressions follow the vectors', { skip }, () => {
  const { vars, cases } = vectors('expressions')
  for (const { expr, value, error } of cases) {
    const parsed = parseExpression(expr)
    const lookup = (name: string): ExpressionValue | undefined => vars[name]
    const result = isFault(parsed) ? parsed : evaluate(parsed.expression, lookup)
    if (error) assert.equal(isFault(result) && result.fault, error, expr)
    else assert.equal(result, value, expr)
    if (!error) assert.equal(isTruthy(value), Boolean(value))
  }
})

const conditionCodes: Readonly<Record<string, ProblemCode>> = {
  'empty-logic-list': 'E_CONDITION',
  'unknown-operator': 'E_CONDITION',
  'one-operator-only': 'E_CONDITION',
}

test('a map that is no operator is a value inside a condition, and a mistake anywhere else', () => {
  const judged = (stmt: object) => {
    const { cx, problems, node } = contextFor(JSON.stringify({ v: stmt }), {})
    return [isConditionTrue(cx, node), symbols(problems.list())]
  }
  assert.deepEqual(judged({ and: [true, { when: 'always' }] }), [true, ['W_CONDITION_VALUE']])
  assert.deepEqual(judged({ and: [false, { when: 'always' }] }), [false, ['W_CONDITION_VALUE']])
  assert.deepEqual(judged({ not: { when: 'always' } }), [false, ['W_CONDITION_VALUE']])
  assert.deepEqual(judged({ when: 'always' }), [false, ['E_CONDITION']])
  assert.deepEqual(judged({ and: [{ equals: 'x' }] }), [false, ['E_CONDITION']])
  assert.deepEqual(judged({ or: [{ when: [true] }] }), [false, ['E_CONDITION']])
})

test('logic statements follow the vectors', { skip }, () => {
  for (const { stmt, ctx, value, error } of vectors('logic').cases) {
    const { cx, problems, node } = contextFor(JSON.stringify({ v: stmt }), ctx)
    const result = isConditionTrue(cx, substitute(cx, node, { parameters: new Map(), matrix: null }))
    if (error) assert.ok(symbols(problems.list()).includes(conditionCodes[error]!), JSON.stringify(stmt))
    else assert.deepEqual([result, problems.list()], [value, []], JSON.stringify(stmt))
  }
})

const substitutionCodes: Readonly<Record<string, ProblemCode>> = {
  'undeclared-parameter': 'E_PARAMETER_UNDECLARED',
  'unclosed-tag': 'E_TAG_UNCLOSED',
  'unclosed-section': 'E_TAG_UNCLOSED',
}

test('substitution follows the vectors', { skip }, () => {
  const { cases, version_2: untouched } = vectors('interpolation')
  for (const { template, params, out, error } of cases) {
    const { cx, problems, node, valueNode } = contextFor(JSON.stringify({ v: template }))
    const parameters = new Map(Object.entries(params).map(([name, value]) => [name, valueNode(value)]))
    const result = substitute(cx, node, { parameters, matrix: null })
    if (error) assert.deepEqual(symbols(problems.list()), [substitutionCodes[error]], template)
    else assert.ok(result.kind === 'scalar' && resolveScalar(result).value === out, template)
    if (!error) assert.deepEqual(problems.list(), [], template)
  }
  for (const { template, out } of untouched) {
    const { cx, node } = contextFor(JSON.stringify({ v: template }))
    const result = substitute({ ...cx, interpolates: false }, node, { parameters: new Map(), matrix: null })
    assert.ok(result.kind === 'scalar' && result.text === out)
  }
})

test('filters follow the vectors', { skip }, () => {
  for (const { filters, ref, run, why } of vectors('filters').cases) {
    const invocation = filters === null ? 'a' : { a: { filters } }
    const jobs = { a: { docker: [{ image: 'i' }], steps: ['checkout'] } }
    const text = JSON.stringify({ version: 2.1, jobs, workflows: { w: { jobs: [invocation] } } })
    const result = compileText(text, eventFor(ref))
    assert.ok(result.ok, `${text} ${JSON.stringify(result.problems)}`)
    assert.equal(result.plan.workflows.length === 1, run, `${why ?? ''} ${text} ${JSON.stringify(ref)}`)
  }
})

const parameterTypeProblems = ['E_ARGUMENT_TYPE', 'E_ARGUMENT_MISSING', 'E_PARAMETER_DECLARATION'] as const

test('parameter types follow the vectors', { skip }, () => {
  for (const row of vectors('parameter-types').cases) {
    const declaration = { type: row.type, enum: row.enum, default: row.default }
    const isDeclarationOnly = row.declaration_ok !== undefined
    const argument = row.yaml ?? JSON.stringify(row.value)
    const text = `
version: 2.1
jobs:
  a: {parameters: {p: ${JSON.stringify(declaration)}}, docker: [{image: i}], steps: [checkout]}
workflows: {w: {jobs: [{a: {${isDeclarationOnly ? '' : `p: ${argument}`}}}]}}
`
    const found = symbols(compileText(text).problems).filter((symbol) =>
      (parameterTypeProblems as readonly string[]).includes(symbol),
    )
    const isFine = row.ok ?? row.declaration_ok
    assert.equal(found.length === 0, isFine, `${JSON.stringify(row)} ${found}`)
  }
})

type Expected = {
  name: string
  job?: string
  params?: object
  requires: string[]
  context?: string[]
  type?: string
}

/** Jobs that declare, as texts or whatever the vector gives them, the parameters its invocations use. */
const jobsFor = (entries: readonly Record<string, Record<string, unknown>>[]) => {
  const options = ['name', 'requires', 'context', 'filters', 'matrix', 'type']
  const jobs: Record<string, { parameters: Record<string, unknown> }> = {}
  const typeOf = (value: unknown) =>
    typeof value === 'number' ? 'integer' : typeof value === 'boolean' ? 'boolean' : 'string'
  for (const entry of entries)
    for (const [name, settings] of Object.entries(entry)) {
      const job = jobs[name] ?? { parameters: {} }
      jobs[name] = job
      const matrix = (settings.matrix as { parameters?: Record<string, unknown[]> })?.parameters ?? {}
      for (const [key, values] of Object.entries(matrix)) job.parameters[key] = { type: typeOf(values[0]) }
      for (const [key, value] of Object.entries(settings))
        if (!options.includes(key)) job.parameters[key] = { type: typeOf(value) }
    }
  const body = { docker: [{ image: 'i' }], steps: ['checkout'] }
  return Object.fromEntries(Object.entries(jobs).map(([name, job]) => [name, { ...job, ...body }]))
}

const matrixCodes: Readonly<Record<string, ProblemCode>> = {
  'exclude-never-matches': 'W_MATRIX_EXCLUDE',
  'exclude-incomplete': 'W_MATRIX_EXCLUDE',
  'ambiguous-requires': 'E_REQUIRES_AMBIGUOUS',
  'unknown-requires': 'E_REQUIRES_UNKNOWN',
  cycle: 'E_REQUIRES_CYCLE',
}

test('matrices, names and requirements follow the vectors', { skip }, () => {
  for (const row of vectors('matrix').cases) {
    const text = JSON.stringify({
      version: 2.1,
      jobs: jobsFor(row.jobs),
      workflows: { w: { jobs: row.jobs } },
    })
    const result = compileText(text)
    const expectedCode = row.expect_error ?? row.expect_diagnostic
    if (expectedCode) assert.ok(symbols(result.problems).includes(matrixCodes[expectedCode]!), row.name)
    if (row.expect_error) continue
    assert.ok(result.ok, `${row.name} ${JSON.stringify(result.problems)}`)
    const jobs = result.plan.workflows[0]!.jobs
    const names = jobs.map((job) => job.name)
    if (row.expect_count) assert.equal(jobs.length, row.expect_count, row.name)
    for (const name of row.expect_present ?? []) assert.ok(names.includes(name), row.name)
    for (const name of row.expect_absent ?? []) assert.ok(!names.includes(name), row.name)
    if (!row.expect) continue
    assert.deepEqual(names.toSorted(), row.expect.map((job: Expected) => job.name).toSorted(), row.name)
    for (const expected of row.expect as Expected[]) {
      const job = jobs.find(({ name }) => name === expected.name)!
      assert.deepEqual(job.needs.map((need) => need.job).toSorted(), expected.requires.toSorted(), row.name)
      if (expected.type) assert.equal(job.kind, expected.type)
      if (expected.context) assert.deepEqual(job.spec?.contexts, expected.context)
      for (const [key, value] of Object.entries(job.matrix ?? {}))
        if (expected.params) assert.equal((expected.params as Record<string, unknown>)[key], value, row.name)
    }
  }
})

const outcomeOf: Readonly<Record<string, string>> = {
  success: 'passed',
  failed: 'failed',
  canceled: 'cancelled',
  unauthorized: 'skipped:policy',
  not_run: 'skipped:needs',
}

test('requirements accept the outcomes of the vectors', { skip }, () => {
  for (const { requires, upstream, decision, why } of vectors('requires').cases) {
    const filteredOut = { branches: { ignore: '/.*/' } }
    const entries = Object.entries(upstream).map(([name, state]) =>
      state === 'filtered' ? { [name]: { filters: filteredOut } } : name,
    )
    const jobs = Object.fromEntries([...Object.keys(upstream), 'x'].map((name) => [name, { type: 'no-op' }]))
    const text = JSON.stringify({
      version: 2.1,
      jobs,
      workflows: { w: { jobs: [...entries, { x: { requires } }] } },
    })
    const result = compileText(text)
    assert.ok(result.ok, `${text} ${JSON.stringify(result.problems)}`)
    const job = result.plan.workflows[0]?.jobs.find(({ name }) => name === 'x')
    const verdicts = (job?.needs ?? []).map(({ job: name, on }) => {
      const outcome = outcomeOf[upstream[name]]
      return outcome === undefined ? 'wait' : (on as readonly string[]).includes(outcome) ? 'run' : 'not_run'
    })
    const decided = verdicts.includes('not_run') ? 'not_run' : verdicts.includes('wait') ? 'wait' : 'run'
    assert.equal(
      job ? decided : 'removed',
      decision,
      `${why ?? ''} ${JSON.stringify({ requires, upstream })}`,
    )
  }
})

/** Rules of the published schema that the platform itself does not have. */
const acceptedInvalid = ['conflicting-resource-class', 'invalid-machine-executor', 'invalid-job-name-format']

test('published files that are meant to be refused are refused', { skip }, () => {
  for (const name of readdirSync(`${root}schemastore/invalid`)) {
    // Most are fragments; a job of their own makes them configurations.
    const text = readFileSync(`${root}schemastore/invalid/${name}`, 'utf8')
    const whole = /^jobs:/m.test(text)
      ? text
      : `${text}\njobs: {build: {type: no-op}, foo: {type: no-op}, bar: {type: no-op}}\n`
    const isAccepted = acceptedInvalid.some((start) => name.startsWith(start))
    const workflows = /^workflows:/m.test(whole) ? '' : 'workflows: {w: {jobs: []}}\n'
    assert.equal(compileText(whole + workflows).ok, isAccepted, name)
  }
})

/** What the schema lets pass and the platform does not: an undeclared argument, an entry with two names. */
const expectedErrors: Readonly<Record<string, readonly ProblemCode[]>> = {
  'chromeless.json': ['E_ARGUMENT_MISSING', 'E_ARGUMENT_UNEXPECTED'],
  'contexts.json': ['E_STEP_SHAPE'],
  'logical-matches.json': ['E_KEY_MISSING'],
  'workflows.json': ['E_KEY_MISSING', 'E_PARAMETER_UNDECLARED'],
}
/** Fragments lack what they do not show. */
const fragmentErrors: readonly ProblemCode[] = ['E_NO_WORKFLOW', 'E_JOB_UNKNOWN', 'E_ORB_MISSING']

test('published files that are meant to be accepted have no other errors than the known ones', {
  skip,
}, () => {
  for (const name of readdirSync(`${root}schemastore/valid`)) {
    const result = compileText(readFileSync(`${root}schemastore/valid/${name}`, 'utf8'))
    const errors = symbols(result.problems.filter(({ severity }) => severity === 'error'))
    const own = errors.filter((symbol) => !fragmentErrors.includes(symbol))
    assert.deepEqual(own, expectedErrors[name] ?? [], name)
  }
})
