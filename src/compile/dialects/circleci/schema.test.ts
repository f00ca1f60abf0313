// The schema for editors against what the compiler accepts: what compiles without a word is valid, slips are not.
// A small reader of the keywords that the schema uses stands in for an editor's.
import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { parse } from 'yaml'
import type { Problem } from '../../../base/problem.ts'
import { compile, configSchema, problemCodes } from '../../index.ts'
import { jobKeys } from './jobs.ts'
import type { Schema } from './schema.ts'

const schema = configSchema()
const definitions = schema.definitions as Record<string, Schema>

const typeOf = (value: unknown): string =>
  value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value

const hasType = (value: unknown, type: string): boolean =>
  type === 'integer' ? Number.isInteger(value) : typeOf(value) === type

const isMap = (value: unknown): value is Record<string, unknown> => typeOf(value) === 'object'

const known = new Set(
  '$schema $ref title description definitions type enum pattern minimum maximum anyOf items properties required additionalProperties propertyNames minProperties maxProperties'.split(
    ' ',
  ),
)

const isValid = (value: unknown, rule: unknown): boolean => {
  if (typeof rule === 'boolean') return rule
  const it = rule as Record<string, never>
  for (const keyword of Object.keys(it))
    assert.ok(known.has(keyword), `the keyword ${keyword} is not known here`)
  if (it.$ref !== undefined) {
    const target = definitions[String(it.$ref).replace('#/definitions/', '')]
    assert.ok(target, `${it.$ref} leads nowhere`)
    return isValid(value, target)
  }
  const types = it.type === undefined ? null : [it.type].flat()
  if (types && !types.some((type) => hasType(value, type))) return false
  if (it.enum !== undefined && !(it.enum as unknown[]).includes(value)) return false
  if (it.pattern !== undefined && typeof value === 'string' && !new RegExp(it.pattern).test(value))
    return false
  if (typeof value === 'number' && (value < (it.minimum ?? value) || value > (it.maximum ?? value)))
    return false
  if (it.anyOf !== undefined && !(it.anyOf as unknown[]).some((each) => isValid(value, each))) return false
  if (Array.isArray(value)) return it.items === undefined || value.every((each) => isValid(each, it.items))
  return !isMap(value) || isValidMap(value, it)
}

const isValidMap = (map: Record<string, unknown>, it: Record<string, never>): boolean => {
  const names = Object.keys(map)
  if (names.length < (it.minProperties ?? 0) || names.length > (it.maxProperties ?? Number.POSITIVE_INFINITY))
    return false
  if (it.required !== undefined && !(it.required as string[]).every((name) => Object.hasOwn(map, name)))
    return false
  if (it.propertyNames !== undefined && !names.every((name) => isValid(name, it.propertyNames))) return false
  const own = (it.properties ?? {}) as Record<string, unknown>
  return names.every((name) =>
    isValid(map[name], Object.hasOwn(own, name) ? own[name] : (it.additionalProperties ?? true)),
  )
}

const read = (text: string): unknown =>
  parse(text, { merge: true, uniqueKeys: false, version: '1.1', maxAliasCount: -1, logLevel: 'silent' })

test('what the tables of the compiler know, the schema knows', () => {
  const [job] = (definitions.job as { anyOf: { properties: object }[] }).anyOf
  assert.deepEqual(Object.keys(job?.properties ?? {}), [...jobKeys])
})

const config = (job: string, more = '') =>
  `version: 2.1\njobs:\n  build:\n    docker: [{image: x}]\n    ${job}\n${more}`

test('a sound configuration is valid, with references anywhere', () => {
  const texts = [
    config('steps: [checkout, {run: make}, {run: {command: make, when: always}}, {mine: {a: 1}}]'),
    config('parallelism: << parameters.n >>\n    steps: << parameters.steps >>'),
    config(
      'steps: [checkout]',
      'workflows:\n  version: 2\n  w: {jobs: [build, {build: {requires: [a, {b: [failed]}], x: 1}}]}\n',
    ),
    config('steps: [{when: {condition: {and: [true]}, steps: [checkout]}}]', 'x-anchors: {any: thing}\n'),
  ]
  for (const text of texts) assert.ok(isValid(read(text), schema), text)
})

test('slips are marked', () => {
  const texts = [
    'jobs: {}\n',
    config('steps: [checkout]\n    enviroment: {A: b}'),
    config('steps: [{run: {comand: make}}]'),
    config('steps: [{run: {command: make, when: sometimes}}]'),
    config('parallelism: four\n    steps: [checkout]'),
    config('steps: [{checkout: {}, run: make}]'),
    config('steps: [{when: {condition: {equals: [1, 1]}, steps: []}}]'),
    config('steps: [checkout]', 'workflows: {w: {jobs: [{build: {requires: [{a: passed}]}}]}}\n'),
  ]
  for (const text of texts) assert.ok(!isValid(read(text), schema), text)
})

const corpus = fileURLToPath(new URL('../../../../../shared/corpus/circleci/', import.meta.url))
const isAbsent = !existsSync(corpus)
if (isAbsent)
  console.log('the corpus of real files is absent (../shared/corpus/circleci): nothing of it is tested')

/** A missing orb says nothing about shapes, and neither does any warning but that of an unknown key. */
const isBeyond = ({ code, severity }: Problem): boolean =>
  code === problemCodes.E_ORB_MISSING.number ||
  (severity !== 'error' && code !== problemCodes.W_UNKNOWN_KEY.number)

test('every real file that compiles is valid', { skip: isAbsent && 'the corpus is absent' }, () => {
  const event = {
    kind: 'push',
    ref: 'refs/heads/main',
    commit: 'a'.repeat(40),
    branch: 'main',
    tag: null,
  } as const
  const names = readdirSync(corpus).filter((name) => name.endsWith('.yml'))
  const checked = names.filter((name) => {
    const text = readFileSync(corpus + name, 'utf8')
    const { problems } = compile({ files: new Map([['.circleci/config.yml', text]]), event, parameters: {} })
    const isSound = problems.every(isBeyond)
    if (isSound) assert.ok(isValid(read(text), schema), name)
    return isSound
  })
  assert.ok(checked.length > names.length / 2, `${checked.length} of ${names.length}`)
})
