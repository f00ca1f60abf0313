// Checks a plan that came over a wire: the server and the runner both read plans that a sandbox produced, so every
// byte of one is hostile. Strict: unknown keys, wrong types, dangling references and oversized values are problems.
// A plan that passes is safe to walk, not safe to run: what it asks for is policy's to judge.

import type { Parsed, Problem } from '../base/problem.ts'
import { outcomes, type Plan, type PlanWorkflow } from './plan.ts'

/** The number in the catalogue of configuration problems (2xxx) for a plan that does not hold its shape. */
export const malformedPlanCode = 'MF2090'

const problemsMax = 20
const textMax = 4 * 1024 * 1024
const nameMax = 1024
const listMax = 100_000
const envMax = 10_000
const shardsMax = 1024
const msMax = 30 * 24 * 3_600_000

export const parsePlan = (json: unknown): Parsed<Plan> => {
  const problems: Problem[] = []
  const report: Report = (path, message) => {
    if (problems.length < problemsMax) problems.push(malformed(path, message))
  }
  plan(json, '', report)
  if (problems.length > 0) return { ok: false, problems }
  // SAFE: every field of the type was checked just now, and no other keys are present.
  const value = json as Plan
  value.workflows.forEach((workflow, i) => {
    checkReferences(workflow, `/workflows/${i}`, report)
  })
  return problems.length > 0 ? { ok: false, problems } : { ok: true, value, problems }
}

const malformed = (path: string, message: string): Problem => ({
  code: malformedPlanCode,
  severity: 'error',
  message: `the plan is malformed at ${path === '' ? 'its root' : path}: ${message}`,
  at: null,
  frame: [],
  help: null,
})

/** What no single field can show: keys are unique and `needs` names another job of the same workflow. */
const checkReferences = (workflow: PlanWorkflow, path: string, report: Report): void => {
  const keys = new Set(workflow.jobs.map((job) => job.key))
  if (keys.size !== workflow.jobs.length) report(`${path}/jobs`, 'two jobs share a key')
  workflow.jobs.forEach((job, i) => {
    for (const need of job.needs)
      if (!keys.has(need.job) || need.job === job.key)
        report(`${path}/jobs/${i}/needs`, 'a requirement is not another job of this workflow')
    if ((job.kind === 'job') !== (job.spec !== null))
      report(`${path}/jobs/${i}/spec`, 'only jobs of kind "job" have a spec, and they must')
  })
}

// A check reports what is wrong with a value; silence means it holds.
type Report = (path: string, message: string) => void
type Check = (value: unknown, path: string, report: Report) => void

const text =
  (max: number, pattern?: RegExp): Check =>
  (value, path, report) => {
    if (typeof value !== 'string') report(path, 'must be a text')
    else if (value.length > max) report(path, `is longer than ${max} characters`)
    else if (pattern && !pattern.test(value)) report(path, 'has a form that is not allowed')
  }

const integer =
  (min: number, max: number): Check =>
  (value, path, report) => {
    if (!Number.isSafeInteger(value) || Number(value) < min || Number(value) > max)
      report(path, `must be an integer from ${min} to ${max}`)
  }

const oneOf =
  (...allowed: readonly unknown[]): Check =>
  (value, path, report) => {
    if (!allowed.includes(value))
      report(path, `must be one of ${allowed.map((a) => JSON.stringify(a)).join(', ')}`)
  }

const nullable =
  (check: Check): Check =>
  (value, path, report) => {
    if (value !== null) check(value, path, report)
  }

const list =
  (check: Check, max: number): Check =>
  (value, path, report) => {
    if (!Array.isArray(value)) report(path, 'must be a list')
    else if (value.length > max) report(path, `has more than ${max} entries`)
    else
      value.forEach((item, i) => {
        check(item, `${path}/${i}`, report)
      })
  }

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Exactly these keys; those in `optional` may be absent. */
const object =
  (fields: Readonly<Record<string, Check>>, optional: readonly string[] = []): Check =>
  (value, path, report) => {
    if (!isRecord(value)) return report(path, 'must be a map')
    for (const key of Object.keys(value))
      if (!Object.hasOwn(fields, key)) report(path, `has an unknown key ${JSON.stringify(key.slice(0, 80))}`)
    for (const [key, check] of Object.entries(fields)) {
      if (Object.hasOwn(value, key)) check(value[key], `${path}/${key}`, report)
      else if (!optional.includes(key)) report(path, `lacks ${JSON.stringify(key)}`)
    }
  }

const byKind =
  (kinds: Readonly<Record<string, Check>>): Check =>
  (value, path, report) => {
    const kind = isRecord(value) && typeof value.kind === 'string' ? value.kind : ''
    const check = Object.hasOwn(kinds, kind) ? kinds[kind] : undefined
    if (check) check(value, path, report)
    else report(`${path}/kind`, `must be one of ${Object.keys(kinds).join(', ')}`)
  }

const plainValue: Check = (value, path, report) => {
  if (typeof value === 'number')
    integer(Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER)(value, path, report)
  else if (typeof value !== 'boolean') text(textMax)(value, path, report)
}

const record: Check = (value, path, report) => {
  if (!isRecord(value)) return report(path, 'must be a map')
  for (const [key, item] of Object.entries(value)) {
    if (key === '__proto__' || key.length > nameMax) report(path, 'has a key that is not allowed')
    plainValue(item, `${path}/${key.slice(0, 80)}`, report)
  }
}

const name = text(nameMax)
const body = text(textMax)
const bool = oneOf(true, false)
const ms = integer(0, msMax)
const when = oneOf('on_success', 'on_fail', 'always')
const dialect = oneOf('circleci', 'codeship', 'codemagic', 'github', 'native')

const envPair: Check = (value, path, report) => {
  if (!Array.isArray(value) || value.length !== 2) return report(path, 'must be a pair of name and value')
  text(nameMax, /^[A-Za-z_][A-Za-z0-9_]*$/)(value[0], `${path}/0`, report)
  text(textMax, /^[^\0]*$/)(value[1], `${path}/1`, report)
}
const env = list(envPair, envMax)

const step = byKind({
  run: object({
    kind: oneOf('run'),
    name,
    when,
    command: body,
    shell: nullable(list(name, 100)),
    env,
    background: bool,
    workdir: nullable(name),
    noOutputTimeoutMs: ms,
    maxAutoReruns: integer(0, 10),
    autoRerunDelayMs: ms,
  }),
  checkout: object({
    kind: oneOf('checkout'),
    name,
    when,
    path: name,
    method: oneOf('full', 'blobless', 'shallow'),
    depth: nullable(integer(1, 1_000_000)),
  }),
  note: object({ kind: oneOf('note'), name, when, text: body }),
  refused: object({ kind: oneOf('refused'), name, when, what: name, reason: body }),
})

const spec = object({
  v: oneOf(1),
  dialect,
  image: object({ kind: oneOf('container', 'machine', 'macos', 'windows', 'host'), ref: nullable(name) }),
  services: list(object({ name, ref: name, env }), 100),
  resourceClass: nullable(name),
  workdir: text(nameMax, /^(\/|~$|~\/)/),
  env,
  contexts: list(name, 100),
  egress: nullable(oneOf('none', 'list', 'open')),
  timeoutMs: integer(1, msMax),
  steps: list(step, listMax),
})

const job = object(
  {
    key: text(nameMax, /^./s),
    name,
    kind: oneOf('job', 'approval', 'noop', 'lock', 'unlock'),
    needs: list(object({ job: name, on: list(oneOf(...outcomes), outcomes.length) }), listMax),
    shards: integer(1, shardsMax),
    matrix: record,
    spec: nullable(spec),
  },
  ['matrix'],
)

const event = object({
  kind: oneOf('push', 'manual', 'schedule', 'local'),
  ref: name,
  commit: text(64, /^([0-9a-f]{40}|[0-9a-f]{64})$/),
  branch: nullable(name),
  tag: nullable(name),
})

const plan = object({
  v: oneOf(1),
  dialect,
  source: list(object({ path: name, sha256: text(64, /^[0-9a-f]{64}$/) }), 1000),
  inputs: object({ event, parameters: record }),
  workflows: list(object({ name, jobs: list(job, listMax) }), 1000),
})
