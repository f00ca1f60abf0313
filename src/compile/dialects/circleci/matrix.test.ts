// What a matrix makes of the entry of a workflow: how many jobs, how they are called, and which are left out.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { judgeCompile } from '../../../../test/support/damaged-configurations.ts'
import { type ProblemCode, problemCodes } from '../../index.ts'
import { limits } from '../../limits.ts'

const where = 'docker: [{image: i}], steps: [checkout]'
const parameter = (name: string, type = 'string') =>
  `${name}: {type: ${type}, default: ${type === 'string' ? 'x' : 1}}`
const compiled = (entries: string) =>
  judgeCompile(
    `version: 2.1\njobs: {a: {parameters: {${parameter('os')}, ${parameter('arch')}, ${parameter('n', 'integer')}}, ${where}}, b: {${where}}}\nworkflows: {w: {jobs: [${entries}]}}\n`,
  )
const namesOf = (entries: string): readonly string[] => {
  const result = compiled(entries)
  assert.ok(result.ok, JSON.stringify(result.problems))
  return (result.plan.workflows[0]?.jobs ?? []).map(({ name }) => name)
}
const matrix = (parameters: string, more = '') => `{a: {matrix: {parameters: {${parameters}}${more}}}}`
const says = (symbol: ProblemCode, entries: string, words: RegExp) => {
  const found = compiled(entries).problems.filter(({ code }) => code === problemCodes[symbol].number)
  assert.match(found.map(({ message }) => message).join('; '), words)
}

test('there is a job for each combination, the first parameter varies slowest; names go by the names of parameters', () => {
  assert.deepEqual(namesOf(matrix('os: [linux, mac], arch: [arm, x64]')), [
    ...['a-arm-linux', 'a-x64-linux', 'a-arm-mac', 'a-x64-mac'],
  ])
  assert.deepEqual(namesOf('{a: {name: on-<< matrix.os >>, matrix: {parameters: {os: [mac]}}}}'), ['on-mac'])
  const result = compiled(matrix('os: [mac], n: [3]'))
  assert.deepEqual(result.ok && { ...result.plan.workflows[0]?.jobs[0]?.matrix }, { os: 'mac', n: 3 })
})

test('an exclusion names a value of every parameter, by its type; others exclude nothing and say so', () => {
  const two = 'os: [linux, mac], n: [1, 2]'
  assert.deepEqual(namesOf(matrix(two, ', exclude: [{os: mac, n: 1}]')), [
    'a-1-linux',
    'a-2-linux',
    'a-2-mac',
  ])
  assert.deepEqual(namesOf(matrix(two, ', exclude: {n: 2, os: linux}')), ['a-1-linux', 'a-1-mac', 'a-2-mac'])
  for (const [exclude, words] of [
    ['{os: mac, n: "1"}', /^no combination is equal to this one; it excludes nothing$/],
    ['{os: mac, n: 3}', /^no combination is equal to this one; it excludes nothing$/],
    ['{os: mac, n: 1, arch: x}', /^no combination is equal to this one; it excludes nothing$/],
    ['{os: mac}', /^an exclusion names all parameters of the matrix; it excludes nothing$/],
  ] as const) {
    assert.equal(namesOf(matrix(two, `, exclude: [${exclude}]`)).length, 4, exclude)
    says('W_MATRIX_EXCLUDE', matrix(two, `, exclude: [${exclude}]`), words)
  }
})

test('entries of one name are numbered, around names that there are', () => {
  assert.deepEqual(namesOf('b, a'), ['b', 'a'])
  assert.deepEqual(namesOf('b, b, {b: {name: c}}'), ['b-1', 'b-2', 'c'])
  assert.deepEqual(namesOf('b, {a: {name: b-1}}, b'), ['b-2', 'b-1', 'b-3'])
  assert.deepEqual(namesOf('{a: {name: x, matrix: {parameters: {os: [p, q]}}}}'), ['x-1', 'x-2'])
})

test('all members are required by the alias, which is the name of the job if nobody says otherwise', () => {
  const needsOf = (more: string, name: string) => {
    const result = compiled(`${matrix('os: [p, q]', more)}, {b: {requires: [${name}]}}`)
    assert.ok(result.ok, JSON.stringify(result.problems))
    return result.plan.workflows[0]?.jobs.find((job) => job.name === 'b')?.needs.map(({ job }) => job)
  }
  assert.deepEqual(needsOf('', 'a'), ['a-p', 'a-q'])
  assert.deepEqual(needsOf(', alias: all', 'all'), ['a-p', 'a-q'])
  assert.deepEqual(needsOf('', 'a-q'), ['a-q'])
})

test('what is no matrix is said', () => {
  says('E_MATRIX', '{a: {matrix: {}}}', /^a matrix needs "parameters"$/)
  says('E_MATRIX', matrix('os: []'), /^"os" has no values$/)
  says('E_MATRIX', '{a: {os: x, matrix: {parameters: {os: [y]}}}}', /given both in the matrix and beside it$/)
  says('W_DEPRECATED', matrix('os: x'), /one value is taken as a list of one$/)
  says('E_STEP_SHAPE', '{a: , b: }', /^an entry of "jobs" is a name, or a map with one name$/)
})

test('a workflow has so many jobs, and not one more', () => {
  const numbers = (count: number) => Array.from({ length: count }, (_, i) => i + 1).join(', ')
  const most = limits.jobsMax
  assert.equal(namesOf(matrix(`n: [${numbers(most)}]`)).length, most)
  says('E_TOO_MANY_JOBS', matrix(`n: [${numbers(most + 1)}]`), /^the matrix makes more than 1024 jobs$/)
  says('E_TOO_MANY_JOBS', `${matrix(`n: [${numbers(most)}]`)}, b`, /^the workflow has more than 1024 jobs$/)
})
