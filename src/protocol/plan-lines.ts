// A plan as a person reads it: lines in the form of YAML, each with a pointer to the part of the plan that it shows. Pointers are
// the keys of a plan's origins, so that a reader can say of each line where it came from.
import type { Env, JobSpec, Plan, PlanJob, PlanSetupStep, PlanStep } from './plan.ts'

/** Two blanks for each level of `indent`. */
export type PlanLine = { readonly indent: number; readonly text: string; readonly pointer?: string }

export type WorkflowLines = {
  readonly head: PlanLine
  readonly jobs: readonly { readonly name: string; readonly lines: readonly PlanLine[] }[]
}

export const planLines = (plan: Plan): readonly WorkflowLines[] =>
  plan.workflows.map((workflow, w) => ({
    head: { indent: 0, text: `${quote(workflow.name)}:`, pointer: `/workflows/${w}` },
    jobs: workflow.jobs.map((job, j) => ({
      name: job.name,
      lines: jobLines(job, `/workflows/${w}/jobs/${j}`),
    })),
  }))

const jobLines = (job: PlanJob, pointer: string): PlanLine[] => {
  const { spec } = job
  const at = `${pointer}/spec`
  return [
    { indent: 1, text: `${quote(job.name)}:`, pointer },
    ...(job.kind === 'job' ? [] : [{ indent: 2, text: `type: ${job.kind}` }]),
    ...(job.needs.length === 0 ? [] : [{ indent: 2, text: 'needs:' }]),
    ...job.needs.map((need, i) => ({
      ...{ indent: 3, pointer: `${pointer}/needs/${i}` },
      text: `- ${quote(need.job)}: [${need.on.join(', ')}]`,
    })),
    ...(job.matrix === undefined ? [] : [{ indent: 2, text: `matrix: ${flow(job.matrix)}` }]),
    ...(job.shards > 1 ? [{ indent: 2, text: `parallelism: ${job.shards}` }] : []),
    ...(spec === null ? [] : specLines(spec, at)),
  ]
}

const specLines = (spec: JobSpec, pointer: string): PlanLine[] => [
  {
    ...{ indent: 2, pointer: `${pointer}/image` },
    text: `${spec.image.kind}: ${spec.image.ref === null ? '{}' : quote(spec.image.ref)}`,
  },
  ...(spec.services.length === 0 ? [] : [{ indent: 2, text: 'services:' }]),
  ...spec.services.flatMap((service, i): PlanLine[] => [
    { indent: 3, text: `${quote(service.name)}: ${quote(service.ref)}`, pointer: `${pointer}/services/${i}` },
    ...envLines(service.env, `${pointer}/services/${i}/env`, 4),
  ]),
  ...(spec.resourceClass === null
    ? []
    : [{ indent: 2, text: `resource_class: ${quote(spec.resourceClass)}` }]),
  { indent: 2, text: `working_directory: ${quote(spec.workdir)}` },
  ...(spec.contexts.length === 0
    ? []
    : [{ indent: 2, text: `context: [${spec.contexts.map(quote).join(', ')}]` }]),
  ...envLines(spec.env, `${pointer}/env`, 2),
  { indent: 2, text: spec.steps.length === 0 ? 'steps: []' : 'steps:' },
  ...spec.steps.flatMap((step, i) => stepLines(step, `${pointer}/steps/${i}`)),
]

const envLines = (env: Env, pointer: string, indent: number): PlanLine[] =>
  env.length === 0
    ? []
    : [
        { indent, text: 'environment:' },
        ...env.map(([name, value], i) => ({
          indent: indent + 1,
          text: `${name}: ${quote(value)}`,
          pointer: `${pointer}/${i}`,
        })),
      ]

const usualTimeoutMs = 600_000

const afterAny = 'whenever the step before it was carried out'

const remark = (text: string): PlanLine => ({ indent: 5, text: `# ${text}` })

const builtInSteps = {
  persist: 'persist_to_workspace',
  attach: 'attach_workspace',
  'save-cache': 'save_cache',
  'restore-cache': 'restore_cache',
  'store-artifacts': 'store_artifacts',
  'store-tests': 'store_test_results',
  'ssh-keys': 'add_ssh_keys',
} as const

const setupRemarks = (step: PlanSetupStep): PlanLine[] => {
  switch (step.kind) {
    case 'continue':
      return [remark(`the run goes on with ${step.path ?? 'nothing'}`)]
    case 'merge-configs':
      return [remark(`the files that ${step.filesPath} names become ${step.path}`)]
    case 'filter-paths':
      return [
        remark(`of the paths that differ from ${step.base === '' ? 'the commit before' : step.base}:`),
        ...step.mapping.split('\n').flatMap((line) => (line.trim() === '' ? [] : [remark(line.trim())])),
      ]
  }
}

const stepLines = (step: PlanStep, pointer: string): PlanLine[] => {
  const when = step.when === 'on_success' ? [] : [{ indent: 5, text: `when: ${step.when}` }]
  const head = (text: string): PlanLine => ({ indent: 3, text: `- ${text}`, pointer })
  if (step.kind === 'checkout')
    return step.path === '.' && step.method === 'full'
      ? [head('checkout'), ...when]
      : [head(`checkout: ${flow({ path: step.path, method: step.method })}`), ...when]
  if (step.kind === 'note') return [head(quote(step.name)), remark(step.text), ...when]
  if (step.kind === 'refused')
    return [head(quote(step.name)), remark(`the job stops here: ${step.reason}`), ...when]
  if (step.kind === 'filter-paths' || step.kind === 'merge-configs' || step.kind === 'continue')
    return [head(quote(step.name)), ...setupRemarks(step), ...when]
  if (step.kind !== 'run') {
    const { kind, name, when: _when, teardown, ...rest } = { teardown: undefined, ...step }
    const word = builtInSteps[kind]
    const shown = name === word ? rest : { name, ...rest }
    const given = Object.fromEntries(
      Object.entries(shown).flatMap(([key, value]) =>
        value === null ? [] : [[key, typeof value === 'string' ? value : value.join(', ')]],
      ),
    )
    const isBare = Object.keys(given).length === 0
    return [head(isBare ? word : `${word}: ${flow(given)}`), ...when]
  }
  const options = {
    ...(step.shell === null ? {} : { shell: step.shell.join(' ') }),
    ...(step.workdir === null ? {} : { working_directory: step.workdir }),
    ...(step.background ? { background: true } : {}),
    ...(step.noOutputTimeoutMs === usualTimeoutMs
      ? {}
      : { no_output_timeout: `${step.noOutputTimeoutMs / 1000}s` }),
    ...(step.maxAutoReruns > 0 ? { max_auto_reruns: step.maxAutoReruns } : {}),
    ...(step.autoRerunDelayMs > 0 ? { auto_rerun_delay: `${step.autoRerunDelayMs / 1000}s` } : {}),
  }
  const isPlain =
    when.length === 0 && Object.keys(options).length === 0 && step.env.length === 0 && !step.teardown
  if (isPlain && step.name === step.command) return [head(`run: ${quote(step.command)}`)]
  return [
    head('run:'),
    { indent: 5, text: `name: ${quote(step.name)}` },
    ...commandLines(step.command),
    ...Object.entries(options).map(([key, value]) => ({ indent: 5, text: `${key}: ${scalar(value)}` })),
    ...(step.teardown ? [remark(afterAny)] : []),
    ...(step.firstShardOnly ? [remark('on the first copy, which begins when the others have passed')] : []),
    ...when,
    ...envLines(step.env, `${pointer}/env`, 5),
  ]
}

const commandLines = (command: string): PlanLine[] => {
  const lines = command.replace(/\n+$/, '').split('\n')
  if (lines.length === 1) return [{ indent: 5, text: `command: ${quote(lines[0] ?? '')}` }]
  return [{ indent: 5, text: 'command: |' }, ...lines.map((text) => ({ indent: 6, text }))]
}

const flow = (values: Readonly<Record<string, string | number | boolean>>): string =>
  `{${Object.entries(values)
    .map(([name, value]) => `${name}: ${scalar(value)}`)
    .join(', ')}}`

const scalar = (value: string | number | boolean): string =>
  typeof value === 'string' ? quote(value) : String(value)

/** Plain where YAML reads it back as the same text, else in quotes. */
const quote = (text: string): string =>
  plainForm.test(text) && !meaningful.test(text) ? text : JSON.stringify(text)

const plainForm =
  /^[A-Za-z0-9_./~$][A-Za-z0-9_./~$@%+=()<>|;&*?!-]*([ :][A-Za-z0-9_./~$@%+=()<>|;&*?!"'-]+)*$/
const meaningful = /^(?:true|false|yes|no|on|off|y|n|null|~|[-+.0-9][0-9_.eExX:]*)$|:\s|:$/i
