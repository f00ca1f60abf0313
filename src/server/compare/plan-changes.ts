// What differs between the plans of two runs: jobs that only one has, and of those that both have the fields. Pure.
import type { Comparison } from '../../protocol/api/comparison.ts'
import type { Env, JobSpec, PlanJob, PlanStep, PlanWorkflow } from '../../protocol/plan.ts'

type Change = Comparison['plan']['changed'][number]['fields'][number]
/** Field by field in words that can be compared, and are shown. */
type Fields = ReadonlyMap<string, string>
type Named = { readonly workflow: string; readonly job: string; readonly fields: Fields }

export const planChanges = (
  before: readonly PlanWorkflow[],
  after: readonly PlanWorkflow[],
): Comparison['plan'] => {
  const [left, right] = [jobsOf(before), jobsOf(after)]
  const only = (of: ReadonlyMap<string, Named>, other: ReadonlyMap<string, Named>) =>
    [...of].flatMap(([key, { workflow, job }]) => (other.has(key) ? [] : [{ workflow, job }]))
  const changed = [...left].flatMap(([key, { workflow, job, fields }]) => {
    const other = right.get(key)
    const differing = other === undefined ? [] : fieldChanges(fields, other.fields)
    return differing.length === 0 ? [] : [{ workflow, job, fields: differing }]
  })
  return { added: only(right, left), removed: only(left, right), changed }
}

/** Names may come twice, in matrices of some dialects: the second is another job. */
const jobsOf = (workflows: readonly PlanWorkflow[]): ReadonlyMap<string, Named> => {
  const jobs = new Map<string, Named>()
  for (const workflow of workflows)
    for (const job of workflow.jobs)
      jobs.set(unusedIn(jobs, JSON.stringify([workflow.name, job.key])), {
        ...{ workflow: workflow.name, job: job.name, fields: fieldsOf(job) },
      })
  return jobs
}

const unusedIn = (map: ReadonlyMap<string, unknown>, name: string): string => {
  for (let n = 2, free = name; ; n++, free = `${name} (${n})`) if (!map.has(free)) return free
}

const textMax = 400

const fieldChanges = (before: Fields, after: Fields): Change[] =>
  [...new Set([...before.keys(), ...after.keys()])]
    .filter((field) => before.get(field) !== after.get(field))
    .sort()
    .map((field) => ({ field, before: shortOf(before.get(field)), after: shortOf(after.get(field)) }))

const shortOf = (text: string | undefined): string | null => {
  if (text === undefined) return null
  return text.length > textMax ? `${text.slice(0, textMax).toWellFormed()} …` : text
}

const fieldsOf = ({ key: _key, name: _name, needs, spec, ...rest }: PlanJob): Fields => {
  const fields = new Map<string, string>()
  const add = (name: string, text: string) => fields.set(unusedIn(fields, name), text)
  for (const [name, value] of Object.entries(rest)) add(name, textOf(value))
  for (const { job, on } of needs) add(`needs.${job}`, on.join(', '))
  if (spec !== null) addSpec(spec, add)
  return fields
}

const addSpec = (
  { v: _v, image, env, services, steps, ...rest }: JobSpec,
  add: (name: string, text: string) => void,
): void => {
  add('image', `${image.kind} ${image.ref ?? ''}`.trim())
  addEnv('env', env, add)
  for (const service of services) {
    add(`service.${service.name}`, service.ref)
    addEnv(`service.${service.name}.env`, service.env, add)
  }
  for (const [name, value] of Object.entries(rest)) add(name, textOf(value))
  add('steps', steps.map(({ name }) => name).join(', '))
  for (const step of steps) add(`step.${step.name}`, stepText(step))
}

const addEnv = (prefix: string, env: Env, add: (name: string, text: string) => void): void => {
  for (const [name, value] of env) add(`${prefix}.${name}`, value)
}

/** The command alone, when that is all there is to say of it. */
const stepText = ({ name: _name, ...step }: PlanStep): string => {
  const isPlain = step.kind === 'run' && step.when === 'on_success' && step.env.length === 0
  return isPlain ? step.command + rest(step) : textOf(step)
}

/** After so long without output a step of every dialect is stopped, unless it says otherwise. */
const usualTimeoutMs = 600_000

/** What else a run step says that is not as usual. */
const rest = ({ kind: _k, when: _w, env: _e, command: _c, ...others }: Record<string, unknown>): string => {
  const usual = [null, false, 0, usualTimeoutMs]
  const said = Object.entries(others).filter(([, value]) => !usual.some((word) => word === value))
  return said.length === 0 ? '' : `\n${said.map(([name, value]) => `${name}: ${textOf(value)}`).join('\n')}`
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value))
