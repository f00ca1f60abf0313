// A plan as one reads it by eye: its jobs, where they run, what they wait for and what they do, a step a line. Scripts are
// named by their digest only: the real files that outlines are kept of are not ours to copy.
import { sha256Hex } from '../../src/base/sha256.ts'
import type { Env, JobSpec, Plan, PlanJob, PlanStep } from '../../src/protocol/plan.ts'

export const planOutline = (plan: Plan): string => {
  const known = new Map<string, string>()
  return plan.workflows
    .flatMap(({ name, jobs, maxAutoReruns = 0 }) => [
      `workflow ${name}${maxAutoReruns > 0 ? ` reruns ${maxAutoReruns}` : ''}`,
      ...jobs.flatMap((job) => jobLines(job, known)),
    ])
    .concat((plan.schedules ?? []).map(({ workflow, cron }) => `schedule ${workflow} ${cron}`))
    .join('\n')
}

/** Who runs, and nothing else. */
export const jobNames = (plan: Plan): string =>
  plan.workflows.map(({ name, jobs }) => `${name}: ${jobs.map((job) => job.name).join(', ')}`).join('\n')

const jobLines = (job: PlanJob, known: Map<string, string>): readonly string[] => {
  const head = [
    `  ${job.kind} ${job.name}`,
    ...(job.lock === undefined ? [] : [`lock ${job.lock}`]),
    ...(job.shards > 1 ? [`×${job.shards}`] : []),
    ...(job.matrix ? [JSON.stringify(job.matrix)] : []),
    ...(job.spec ? [placeOf(job.spec)] : []),
  ].join(' ')
  const needs = job.needs.map(({ job: name, on }) =>
    on[0] === 'passed' && on.length === 2 ? name : `${name} (${on.join(' ')})`,
  )
  const waits = needs.length > 0 ? [`    after ${needs.join(', ')}`] : []
  if (job.spec === null) return [head, ...waits]
  const steps = job.spec.steps.map((step) => `    - ${stepLine(step)}`)
  const text = steps.join('\n')
  const same = known.get(text)
  if (same === undefined) known.set(text, job.name)
  return [head, ...waits, ...(same === undefined ? steps : [`    - as in ${same}`])]
}

const placeOf = ({ image, services, resourceClass, workdir, env, contexts }: JobSpec): string =>
  [
    `on ${image.kind} ${image.ref ?? '(default)'}`,
    ...(resourceClass === null ? [] : [`class ${resourceClass}`]),
    ...(workdir === '~/project' ? [] : [`in ${workdir}`]),
    ...services.map(({ name, ref, env: own }) => `with ${name}=${ref}${namesOf(own)}`),
    ...(env.length > 0 ? [`env${namesOf(env)}`] : []),
    ...(contexts.length > 0 ? [`contexts ${contexts.join(' ')}`] : []),
  ].join('; ')

const namesOf = (env: Env): string => (env.length === 0 ? '' : ` {${env.map(([name]) => name).join(' ')}}`)

const stepLine = (step: PlanStep): string => {
  const when = step.when === 'on_success' ? '' : ` (${step.when})`
  if (step.kind === 'checkout') return `checkout ${step.path} ${step.method}${when}`
  if (step.kind === 'ssh-keys') return `ssh keys ${step.fingerprints?.join(' ') ?? '(all)'}${when}`
  if (step.kind === 'note') return `note ${step.name}${when}`
  if (step.kind === 'refused') return `refused ${step.what}: ${step.name}${when}`
  if (step.kind === 'persist') return `persist ${step.root}: ${step.paths.join(' ')}${when}`
  if (step.kind === 'attach') return `attach ${step.at}${when}`
  if (step.kind === 'save-cache') return `save ${step.key}: ${step.paths.join(' ')}${when}`
  if (step.kind === 'restore-cache') return `restore ${step.keys.join(' or ')}${when}`
  if (step.kind === 'store-artifacts')
    return `store ${step.path}${step.destination === null ? '' : ` as ${step.destination}`}${when}`
  if (step.kind === 'store-tests') return `store tests ${step.path}${when}`
  if (step.kind === 'filter-paths')
    return `filter by ${step.base}: ${step.mapping.trim().split('\n').length} lines${when}`
  if (step.kind === 'merge-configs') return `merge ${step.filesPath} into ${step.path}${when}`
  if (step.kind === 'continue') return `continue with ${step.path}${when}`
  const { name, command, shell, env, workdir, background, noOutputTimeoutMs, maxAutoReruns } = step
  return [
    `run ${name.slice(0, 80)}${when} ${sha256Hex(command).slice(0, 8)}`,
    ...(shell === null ? [] : [`by ${shell.join(' ')}`]),
    ...(workdir === null ? [] : [`in ${workdir}`]),
    ...(env.length > 0 ? [`env${namesOf(env)}`] : []),
    ...(background ? ['background'] : []),
    ...(noOutputTimeoutMs === 600_000 ? [] : [`silent ${noOutputTimeoutMs / 1000} s`]),
    ...(maxAutoReruns > 0 ? [`reruns ${maxAutoReruns}`] : []),
    ...(step.firstShardOnly ? ['first shard only'] : []),
  ].join('; ')
}
