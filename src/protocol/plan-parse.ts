// Checks a plan that came over a wire: the server and the runner both read plans that a sandbox produced, so every
// byte of one is hostile. Strict: unknown keys, wrong types, dangling references and oversized values are problems.
// A plan that passes is safe to walk, not safe to run: what it asks for is policy's to judge.

import type { Parsed } from '../base/problem.ts'
import {
  either,
  hasTag,
  integer,
  list,
  nullable,
  object,
  oneOf,
  optional,
  parseShape,
  type Shape,
  text,
  where,
} from '../base/shape.ts'
import { jobEgress } from './egress.ts'
import { jobAudiences } from './identity.ts'
import { givableName, takesMax } from './pipeline-parameters.ts'
import {
  type Env,
  outcomes,
  type Plan,
  type PlanAttachStep,
  type PlanCheckoutStep,
  type PlanContinueStep,
  type PlanFilterStep,
  type PlanMergeStep,
  type PlanNoteStep,
  type PlanParameter,
  type PlanPersistStep,
  type PlanRefusedStep,
  type PlanRestoreCacheStep,
  type PlanRunStep,
  type PlanSaveCacheStep,
  type PlanSshKeysStep,
  type PlanStep,
  type PlanStoreArtifactsStep,
  type PlanStoreTestsStep,
  type PlanWorkflow,
  type PullRequest,
  type RunEvent,
  type RunFacts,
  type ToldCommit,
} from './plan.ts'
import { cacheDaysMax } from './stored-object.ts'

/** The number in the catalogue of configuration problems (2xxx) for a plan that does not hold its shape. */
export const malformedPlanCode = 'MF2090'

export const parsePlan = (json: unknown): Parsed<Plan> => parseShape(plan, json, malformedPlanCode)

const bodyMax = 4 * 1024 * 1024
const nameMax = 1024
const listMax = 100_000
const envMax = 10_000
const shardsMax = 1024
const msMax = 30 * 24 * 3_600_000

const name = text({ max: nameMax })
const body = text({ max: bodyMax, min: 0 })
const flag = oneOf(true, false)
/** Of one plan; a configuration with more is refused by the compiler. */
export const schedulesMax = 100
const ms = integer({ min: 0, max: msMax })
const when = oneOf('on_success', 'on_fail', 'always')
const dialect = oneOf('circleci', 'codeship', 'codemagic', 'github', 'native')
const digest = text({ max: 64, form: /^[0-9a-f]{64}$/ })

const wholeNumber = integer({ min: Number.MIN_SAFE_INTEGER, max: Number.MAX_SAFE_INTEGER })
const plainValue: Shape<string | number | boolean> = either(
  (value) => typeof value === 'number',
  wholeNumber,
  either((value) => typeof value === 'boolean', flag, body),
)

/** Names of the writer's choice to plain values. */
export const plainValues: Shape<Readonly<Record<string, string | number | boolean>>> = (
  value,
  path,
  report,
) => {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return report(path, 'must be an object')
  const out: Record<string, string | number | boolean> = Object.create(null)
  for (const [key, item] of Object.entries(value)) {
    if (key.length > nameMax) return report(path, 'has a name that is too long')
    const parsed = plainValue(item, `${path}.${key.slice(0, 64)}`, report)
    if (parsed !== undefined) out[key] = parsed
  }
  return out
}

const variableName = text({ max: nameMax, form: /^[A-Za-z_][A-Za-z0-9_]*$/ })
const variableValue = text({ max: bodyMax, min: 0, form: /^[^\0]*$/ })

const variable: Shape<Env[number]> = (value, path, report) => {
  if (!Array.isArray(value) || value.length !== 2) return report(path, 'must be a pair of name and value')
  const key = variableName(value[0], `${path}.0`, report)
  const content = variableValue(value[1], `${path}.1`, report)
  return key === undefined || content === undefined ? undefined : [key, content]
}
const env = list(variable, { max: envMax })

const teardown = optional(oneOf(true))

const runStep: Shape<PlanRunStep> = object({
  kind: oneOf('run'),
  name,
  when,
  command: body,
  shell: nullable(list(name, { max: 100, min: 1 })),
  env,
  background: flag,
  workdir: nullable(name),
  noOutputTimeoutMs: ms,
  maxAutoReruns: integer({ min: 0, max: 10 }),
  autoRerunDelayMs: ms,
  firstShardOnly: optional(oneOf(true)),
  teardown,
})

const checkoutStep: Shape<PlanCheckoutStep> = object({
  kind: oneOf('checkout'),
  name,
  when,
  path: name,
  method: oneOf('full', 'blobless', 'shallow'),
  depth: nullable(integer({ min: 1, max: 1_000_000 })),
})

const paths = list(name, { min: 1, max: 1000 })
const persistStep: Shape<PlanPersistStep> = object({
  kind: oneOf('persist'),
  name,
  when,
  root: name,
  paths,
  teardown,
})
const attachStep: Shape<PlanAttachStep> = object({ kind: oneOf('attach'), name, when, at: name })
const saveCacheStep: Shape<PlanSaveCacheStep> = object({
  kind: oneOf('save-cache'),
  name,
  when,
  key: name,
  paths,
  teardown,
})
const restoreCacheStep: Shape<PlanRestoreCacheStep> = object({
  kind: oneOf('restore-cache'),
  name,
  when,
  keys: list(name, { min: 1, max: 20 }),
})
const storeArtifactsStep: Shape<PlanStoreArtifactsStep> = object({
  kind: oneOf('store-artifacts'),
  name,
  when,
  path: name,
  destination: nullable(name),
  teardown,
})

const storeTestsStep: Shape<PlanStoreTestsStep> = object({
  kind: oneOf('store-tests'),
  name,
  when,
  path: name,
  teardown,
})

const filterStep: Shape<PlanFilterStep> = object({
  kind: oneOf('filter-paths'),
  name,
  when,
  base: text({ max: nameMax, min: 0 }),
  onBase: oneOf('parent', 'nothing'),
  mapping: body,
  exclude: body,
  parametersPath: name,
  filesPath: name,
  file: optional(name),
  changedPath: optional(name),
})
const mergeStep: Shape<PlanMergeStep> = object({
  kind: oneOf('merge-configs'),
  name,
  when,
  filesPath: name,
  path: name,
})
const continueStep: Shape<PlanContinueStep> = object({
  kind: oneOf('continue'),
  name,
  when,
  path: nullable(name),
  filesPath: nullable(name),
  parameters: body,
  changed: optional(object({ parameter: name, path: name })),
})

const sshKeysStep: Shape<PlanSshKeysStep> = object({
  kind: oneOf('ssh-keys'),
  name,
  when,
  fingerprints: nullable(list(name, { min: 1, max: 100 })),
})

const noteStep: Shape<PlanNoteStep> = object({ kind: oneOf('note'), name, when, text: body })

const refusedStep: Shape<PlanRefusedStep> = object({
  kind: oneOf('refused'),
  name,
  when,
  what: name,
  reason: body,
})

const stepKinds: Readonly<Record<PlanStep['kind'], Shape<PlanStep>>> = {
  run: runStep,
  checkout: checkoutStep,
  persist: persistStep,
  attach: attachStep,
  'save-cache': saveCacheStep,
  'restore-cache': restoreCacheStep,
  'store-artifacts': storeArtifactsStep,
  'store-tests': storeTestsStep,
  'filter-paths': filterStep,
  'merge-configs': mergeStep,
  continue: continueStep,
  'ssh-keys': sshKeysStep,
  note: noteStep,
  refused: refusedStep,
}

const step: Shape<PlanStep> = (value, path, report) => {
  const kind = Object.entries(stepKinds).find(([tag]) => hasTag('kind', tag)(value))
  return (kind?.[1] ?? refusedStep)(value, path, report)
}

const spec = object({
  v: oneOf(1),
  dialect,
  image: object({ kind: oneOf('container', 'machine', 'macos', 'windows', 'host'), ref: nullable(name) }),
  services: list(object({ name, ref: name, env }), { max: 100 }),
  resourceClass: nullable(name),
  workdir: text({ max: nameMax, form: /^(\/|~$|~\/)/ }),
  env,
  contexts: list(name, { max: 100 }),
  egress: nullable(jobEgress),
  timeoutMs: integer({ min: 1, max: msMax }),
  steps: list(step, { max: listMax }),
  setup: optional(oneOf(true)),
  audiences: optional(jobAudiences),
  cacheDays: optional(integer({ min: 1, max: cacheDaysMax })),
})

const lockName = text({ max: 512, form: /^[A-Za-z0-9._/-]+$/ })

const job = where(
  object({
    key: name,
    name,
    kind: oneOf('job', 'approval', 'noop', 'lock', 'unlock'),
    needs: list(object({ job: name, on: list(oneOf(...outcomes), { max: outcomes.length }) }), {
      max: listMax,
    }),
    shards: integer({ min: 1, max: shardsMax }),
    matrix: optional(plainValues),
    spec: nullable(spec),
    lock: optional(lockName),
  }),
  ({ kind, spec, lock }) =>
    (kind === 'job') === (spec !== null) &&
    (kind === 'lock' || kind === 'unlock' ? lock !== undefined : true),
  'a job has a spec exactly when its kind is "job", and a lock when it locks or unlocks',
)

/** What no single job can show: keys are unique and `needs` names another job of the same workflow. */
const isConnected = ({ jobs }: PlanWorkflow): boolean => {
  const keys = new Set(jobs.map(({ key }) => key))
  return (
    keys.size === jobs.length &&
    jobs.every(({ key, needs }) => needs.every((need) => need.job !== key && keys.has(need.job)))
  )
}

const workflow: Shape<PlanWorkflow> = where(
  object({
    name,
    jobs: list(job, { max: listMax }),
    maxAutoReruns: optional(integer({ min: 1, max: 5 })),
  }),
  isConnected,
  'keys of jobs must be unique, and needs must name other jobs of the workflow',
)

export const runEvent: Shape<RunEvent> = object({
  kind: oneOf('push', 'manual', 'schedule', 'local'),
  ref: name,
  commit: text({ max: 64, form: /^([0-9a-f]{40}|[0-9a-f]{64})$/ }),
  branch: nullable(name),
  tag: nullable(name),
  schedule: optional(object({ id: name, name, workflow: optional(name) })),
})

/** One line of somebody's text. */
const line = (max: number) => text({ max, form: /^\P{Cc}+$/u })

const pageAddress = text({ max: 2048, form: /^https?:\/\/[!-~]+$/ })

export const toldCommitMembers = { url: pageAddress, author: line(256) }
export const toldCommit: Shape<ToldCommit> = object({
  url: optional(toldCommitMembers.url),
  author: optional(toldCommitMembers.author),
})

export const pullRequestMembers = {
  number: integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
  url: pageAddress,
  title: optional(line(1024)),
  action: optional(text({ max: 64, form: /^[a-z_]+$/ })),
  author: optional(line(256)),
  base: optional(line(255)),
  draft: optional(flag),
}
const pullRequest: Shape<PullRequest> = object(pullRequestMembers)

export const runFacts: Shape<RunFacts> = object({
  id: name,
  number: wholeNumber,
  organisation: name,
  project: name,
  defaultBranch: name,
  url: body,
  commit: optional(
    object({
      subject: text({ max: bodyMax, min: 0 }),
      author: text({ max: bodyMax, min: 0 }),
      body: optional(text({ max: bodyMax, min: 0 })),
    }),
  ),
  change: optional(
    object({
      base: optional(text({ max: 64, form: /^([0-9a-f]{40}|[0-9a-f]{64})$/ })),
      commit: optional(toldCommit),
      pullRequest: optional(pullRequest),
    }),
  ),
})

const planParameter: Shape<PlanParameter> = object({
  name: text({ max: takesMax.name, form: givableName }),
  type: oneOf('string', 'boolean', 'integer', 'enum'),
  default: nullable(plainValue),
  options: optional(list(text({ max: takesMax.value, min: 0 }), { max: takesMax.options })),
  description: optional(text({ max: takesMax.description })),
})

export const plan: Shape<Plan> = object({
  v: oneOf(1),
  dialect,
  source: list(object({ path: name, sha256: digest }), { max: 1000 }),
  inputs: object({
    event: runEvent,
    parameters: plainValues,
    untrustedInScripts: optional(oneOf(true)),
    run: optional(runFacts),
  }),
  workflows: list(workflow, { max: 1000 }),
  setup: optional(oneOf(true)),
  schedules: optional(
    list(object({ workflow: name, cron: text({ max: 200, min: 9 }) }), { max: schedulesMax }),
  ),
  takes: optional(list(planParameter, { max: takesMax.parameters })),
})
