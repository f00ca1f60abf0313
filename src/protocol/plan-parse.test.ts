import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Plan, PlanStep } from './plan.ts'
import { malformedPlanCode, parsePlan } from './plan-parse.ts'

const steps: PlanStep[] = [
  { kind: 'checkout', name: 'checkout', when: 'on_success', path: '.', method: 'full', depth: null },
  {
    kind: 'run',
    name: 'test',
    when: 'on_success',
    command: 'make test',
    shell: ['/bin/bash', '-e'],
    env: [['A', '1']],
    background: false,
    workdir: null,
    noOutputTimeoutMs: 600_000,
    maxAutoReruns: 0,
    autoRerunDelayMs: 0,
  },
  { kind: 'note', name: 'save_cache', when: 'on_success', text: 'not carried out' },
  {
    kind: 'refused',
    name: 'attach_workspace',
    when: 'on_success',
    what: 'attach_workspace',
    reason: 'later',
  },
]

const plan: Plan = {
  v: 1,
  dialect: 'circleci',
  source: [{ path: '.circleci/config.yml', sha256: 'a'.repeat(64) }],
  inputs: {
    event: { kind: 'push', ref: 'refs/heads/main', commit: 'b'.repeat(40), branch: 'main', tag: null },
    parameters: { flag: true, n: 3, s: 'x' },
  },
  workflows: [
    {
      name: 'w',
      jobs: [
        {
          key: 'a',
          name: 'a',
          kind: 'job',
          needs: [],
          shards: 1,
          matrix: { os: 'linux' },
          spec: {
            v: 1,
            dialect: 'circleci',
            image: { kind: 'container', ref: 'node:24' },
            services: [{ name: 'db', ref: 'postgres:16', env: [] }],
            resourceClass: null,
            workdir: '~/project',
            env: [],
            contexts: [],
            egress: null,
            timeoutMs: 3_600_000,
            steps,
          },
        },
        {
          key: 'b',
          name: 'b',
          kind: 'approval',
          needs: [{ job: 'a', on: ['passed'] }],
          shards: 1,
          spec: null,
        },
      ],
    },
  ],
}

/** The plan with the value at a pointer replaced; `undefined` removes it. */
const altered = (pointer: string, value: unknown): unknown => {
  const copy = structuredClone(plan) as unknown as Record<string, unknown>
  const path = pointer.split('/').slice(1)
  const last = path.pop()!
  const target = path.reduce((node, key) => node[key] as Record<string, unknown>, copy)
  if (value === undefined) delete target[last]
  else target[last] = value
  return copy
}

test('a plan survives the wire', () => {
  const parsed = parsePlan(JSON.parse(JSON.stringify(plan)))
  assert.ok(parsed.ok)
  assert.equal(JSON.stringify(parsed.value), JSON.stringify(plan))
})

const job = '/workflows/0/jobs/0'
const target = { host: '*.a.example', ports: [443, 8443], tls: 'sni' }
const list = (entry: unknown, mode = 'list') => ({ mode, allow: [entry] })

test('a list of hosts survives the wire', () => {
  assert.ok(parsePlan(altered(`${job}/spec/egress`, list(target))).ok)
  assert.ok(parsePlan(altered(`${job}/spec/egress`, { mode: 'list', allow: [] })).ok)
})

const malformed: readonly (readonly [what: string, pointer: string, value: unknown])[] = [
  ['another version', '/v', 2],
  ['a missing key', '/dialect', undefined],
  ['an unknown key', '/surprise', 1],
  ['an unknown key in a step', `${job}/spec/steps/1/sudo`, true],
  ['an unknown kind of step', `${job}/spec/steps/0/kind`, 'exec'],
  ['an inherited name as kind of step', `${job}/spec/steps/0/kind`, 'toString'],
  ['a fraction', `${job}/shards`, 1.5],
  ['an unsafe integer', `${job}/spec/timeoutMs`, 2 ** 60],
  ['no copies', `${job}/shards`, 0],
  ['a bad digest', '/source/0/sha256', 'A'.repeat(64)],
  ['a short commit', '/inputs/event/commit', 'abc'],
  ['a relative workdir', `${job}/spec/workdir`, 'project'],
  ['a home of another user', `${job}/spec/workdir`, '~root'],
  ['a variable name with an equals sign', `${job}/spec/env`, [['A=B', '1']]],
  ['a variable value with a NUL', `${job}/spec/env`, [['A', '1\0']]],
  ['a pair of three', `${job}/spec/env`, [['A', '1', '2']]],
  ['an unknown outcome', '/workflows/0/jobs/1/needs/0/on', ['won']],
  ['a job without a spec', `${job}/spec`, null],
  ['a requirement of itself', '/workflows/0/jobs/1/needs/0/job', 'b'],
  ['a dangling requirement', '/workflows/0/jobs/1/needs/0/job', 'z'],
  ['two jobs with one key', '/workflows/0/jobs/1/key', 'a'],
  ['an empty key', `${job}/key`, ''],
  ['a network mode of its own', `${job}/spec/egress`, { mode: 'most', allow: [] }],
  ['hosts beside an open network', `${job}/spec/egress`, list(target, 'open')],
  ['a host in capitals', `${job}/spec/egress`, list({ ...target, host: 'A.example' })],
  ['a wildcard for a whole top-level domain', `${job}/spec/egress`, list({ ...target, host: '*.com' })],
  ['a wildcard inside a name', `${job}/spec/egress`, list({ ...target, host: 'a.*.example' })],
  ['port 0', `${job}/spec/egress`, list({ ...target, ports: [0] })],
  [
    'too many ports',
    `${job}/spec/egress`,
    list({ ...target, ports: Array.from({ length: 65 }, (_, i) => i + 1) }),
  ],
  [
    'a target of the gateway',
    `${job}/spec/egress`,
    list({ ...target, target: { host: 'b', privateRanges: [] } }),
  ],
  ['a nested parameter', '/inputs/parameters', { a: {} }],
  ['a list for a map', '/inputs/parameters', []],
]
for (const [what, pointer, value] of malformed)
  test(`a plan with ${what} is refused`, () => {
    const parsed = parsePlan(altered(pointer, value))
    assert.equal(parsed.ok, false)
    assert.ok(parsed.problems.length > 0)
    for (const problem of parsed.problems) assert.equal(problem.code, malformedPlanCode)
  })

test('a parameter named like a prototype is a parameter', () => {
  const parsed = parsePlan(JSON.parse(JSON.stringify(plan).replace('"flag"', '"__proto__"')))
  assert.ok(parsed.ok)
  assert.deepEqual(Object.keys(parsed.value.inputs.parameters), ['__proto__', 'n', 's'])
})

test('values that are no maps are refused', () => {
  for (const value of [null, undefined, 3, 'plan', [], () => plan]) assert.equal(parsePlan(value).ok, false)
})
