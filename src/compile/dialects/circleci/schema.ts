// A JSON Schema of this dialect for editors, made from the tables of keys that the compiler reads by. It helps with
// writing and judges nothing: what it cannot express (names, arguments, conditions) only the compiler knows.

import { builtinNames, checkoutKeys } from './builtin-steps.ts'
import { operatorNames } from './condition.ts'
import { containerKeys } from './docker.ts'
import { executorKeys } from './execution.ts'
import { filterKeys, rangeKeys } from './filters.ts'
import { groupOptionKeys } from './groups.ts'
import { rootKeys } from './index.ts'
import { jobKeys, jobTypes } from './jobs.ts'
import { matrixKeys } from './matrix.ts'
import { allowedTypes, declarationKeys, type Owner } from './parameters.ts'
import { statusNames } from './requires.ts'
import { runKeys, whens } from './run-step.ts'
import { commandKeys, conditionalKeys, toolCacheKeys } from './steps.ts'
import { optionKeys21, workflowKeys } from './workflows.ts'

// All of it is made on demand: bundles that compile only hold none of it.

export type Schema = { readonly [key: string]: unknown }

const ref = (name: string): Schema => ({ $ref: `#/definitions/${name}` })
/** A key with nothing after it counts as absent. */
const orNothing = (...schemas: readonly Schema[]): Schema => ({ anyOf: [...schemas, { type: 'null' }] })
const reference: Schema = { type: 'string', pattern: '<<[^]*>>' }
const text: Schema = { type: ['string', 'number', 'boolean', 'null'] }
const oneOf = (words: readonly string[]): Schema => orNothing({ enum: words }, reference)
const integer = (minimum: number, maximum: number): Schema =>
  orNothing({ type: 'integer', minimum, maximum }, reference)
/** The words of YAML 1.1, which editors read as texts. */
const boolean = (): Schema => orNothing({ type: 'boolean' }, { enum: ['yes', 'no', 'on', 'off'] }, reference)
const when = (): Schema => described('After which outcome of the steps before.', oneOf(whens))
const texts = (): Schema => orNothing(text, { type: 'array', items: text })
/** Another name for an element of an orb is a text. */
const definedOr = (values: Schema): Schema => mapOf({ anyOf: [values, { type: 'string' }] })
const mapOf = (values: Schema): Schema => orNothing({ type: 'object', additionalProperties: values })
const anything: Schema = {}

/** The keys of a table, each with what is known of its value. Others are allowed only where the compiler takes them. */
const object = (
  keys: Iterable<string>,
  shapes: Readonly<Record<string, Schema>>,
  more: Schema = {},
): Schema => ({
  type: 'object',
  properties: Object.fromEntries([...keys].map((key) => [key, shapes[key] ?? anything])),
  additionalProperties: false,
  ...more,
})

const described = (description: string, schema: Schema): Schema => ({ description, ...schema })

const running = (): Readonly<Record<string, Schema>> => ({
  docker: described(
    'Containers: the steps run in the first, the others are services.',
    orNothing(reference, { type: 'array', items: ref('container') }),
  ),
  machine: described('A virtual machine, by the label of its image.', anything),
  macos: described('A macOS machine.', anything),
  windows: described('A Windows machine.', anything),
  shell: described('The shell that runs commands, with its flags.', texts()),
  working_directory: described('Where steps start; relative to the home directory.', text),
  resource_class: described('How large the job is: small, medium, large … or the name of a class.', text),
  environment: described('Variables, never expanded.', ref('environment')),
})

const job = (): Schema =>
  object(jobKeys, {
    ...running(),
    type: described('What kind of job this is; a job with steps without it.', oneOf(jobTypes)),
    executor: described('The name of an executor, or a map with its name and arguments.', anything),
    steps: described('What the job does, in this order.', orNothing(ref('steps'))),
    parameters: described('Values that a workflow gives.', parameters('job')),
    parallelism: described('How many copies run beside each other.', integer(1, 256)),
    branches: described('Deprecated: filters of a workflow do this.', orNothing(ref('range'))),
    description: text,
  })

const parameters = (kind: Owner['kind']): Schema =>
  mapOf(
    object(
      declarationKeys,
      { type: { enum: allowedTypes[kind] }, description: text, enum: { type: 'array' }, default: anything },
      { required: ['type'] },
    ),
  )

const run = (): Schema =>
  object(
    runKeys,
    {
      command: described('The script.', text),
      name: described('What people see; the first line of the script without it.', text),
      shell: running().shell ?? anything,
      environment: ref('environment'),
      background: described('The next step does not wait for this one.', boolean()),
      working_directory: described("Relative to the job's.", text),
      no_output_timeout: described('How long it may be silent: 90s, 20m, 1.5h.', text),
      teardown: described('Steps that follow it however it ends.', ref('steps')),
      when: when(),
      max_auto_reruns: described('How often it is tried again when it fails.', integer(1, 5)),
      auto_rerun_delay: described('How long to wait before that, at most 10m.', text),
    },
    { required: ['command'] },
  )

const conditional = (): Schema =>
  object(conditionalKeys, { condition: ref('condition'), steps: ref('steps') })

const step = (): Schema => ({
  anyOf: [
    described('A step without arguments, or a command.', { type: 'string' }),
    {
      type: 'object',
      minProperties: 1,
      maxProperties: 1,
      properties: {
        ...Object.fromEntries(builtinNames.map((name) => [name, anything])),
        run: described('A script.', { anyOf: [text, run()] }),
        checkout: described(
          'The files of the commit.',
          orNothing(object(checkoutKeys, { path: text, method: text, when: when() })),
        ),
        with_tool_cache: described(
          'Steps of a build tool; its cache is not kept here.',
          object(toolCacheKeys, { tool: text, steps: ref('steps') }),
        ),
        when: described('Steps under a condition, decided before the job starts.', conditional()),
        unless: described('Steps under the opposite of a condition.', conditional()),
      },
    },
  ],
})

const invocationOptions = (): Readonly<Record<string, Schema>> => ({
  requires: described('What it waits for; how that has to end.', ref('requires')),
  name: described('Its name in this workflow.', text),
  context: described('Contexts whose secrets it gets.', texts()),
  type: oneOf(jobTypes),
  filters: described('For which branches and tags it runs.', ref('filters')),
  matrix: described('One job for each combination of values.', ref('matrix')),
  'pre-steps': described('Before the steps of the job.', orNothing(ref('steps'))),
  'post-steps': described('After the steps of the job.', orNothing(ref('steps'))),
  'serial-group': described('One at a time among all of this group.', text),
  'override-with': text,
})

/** Whatever else stands in an invocation is an argument. */
const invocation = (keys: Iterable<string>): Schema => ({
  anyOf: [
    { type: 'string' },
    {
      type: 'object',
      minProperties: 1,
      maxProperties: 1,
      additionalProperties: orNothing(object(keys, invocationOptions(), { additionalProperties: true })),
    },
  ],
})

const workflow = (): Schema =>
  object(
    workflowKeys,
    {
      jobs: { type: 'array', items: invocation(optionKeys21) },
      when: described('It exists only when this is true.', ref('condition')),
      unless: described('It exists only when this is false.', ref('condition')),
      triggers: described('It runs at these times and on no push.', { type: 'array' }),
      max_auto_reruns: integer(1, 5),
      description: text,
    },
    { required: ['jobs'] },
  )

const definitions = (): Readonly<Record<string, Schema>> => ({
  container: {
    anyOf: [
      reference,
      object(
        containerKeys,
        { image: text, name: text, environment: ref('environment') },
        { required: ['image'] },
      ),
    ],
  },
  environment: orNothing(text, { type: 'array' }, { type: 'object', additionalProperties: text }),
  steps: { anyOf: [reference, ref('step'), { type: 'array', items: ref('step') }] },
  step: step(),
  condition: {
    anyOf: [
      text,
      {
        type: 'object',
        minProperties: 1,
        maxProperties: 1,
        propertyNames: { enum: operatorNames },
      },
    ],
  },
  requires: orNothing(text, {
    type: 'array',
    items: {
      anyOf: [
        text,
        {
          type: 'object',
          additionalProperties: orNothing(oneOf(statusNames), { type: 'array', items: oneOf(statusNames) }),
        },
      ],
    },
  }),
  range: orNothing(object(rangeKeys, { only: texts(), ignore: texts() })),
  filters: orNothing(text, object(filterKeys, { branches: ref('range'), tags: ref('range') })),
  matrix: orNothing(
    object(
      matrixKeys,
      { parameters: mapOf(anything), exclude: anything, alias: text },
      { required: ['parameters'] },
    ),
  ),
  job: { anyOf: [job(), { type: 'null' }] },
})

const roots = (): Readonly<Record<(typeof rootKeys)[number], Schema>> => ({
  version: described('2.1 has parameters, commands, executors and orbs.', {
    enum: [2, 2.1, '2', '2.0', '2.1'],
  }),
  setup: described('This configuration computes the one that follows.', boolean()),
  orbs: described('Packages of commands, jobs and executors, by the name they have here.', mapOf(anything)),
  parameters: described('Values that a run may be started with.', parameters('pipeline')),
  commands: described(
    'Steps under a name.',
    definedOr(
      object(commandKeys, {
        ...{ steps: ref('steps'), parameters: parameters('command'), description: text },
      }),
    ),
  ),
  executors: described(
    'Where jobs run, under a name.',
    definedOr(
      object(executorKeys, {
        ...{ ...running(), parameters: parameters('executor'), description: text },
      }),
    ),
  ),
  jobs: described('Jobs by name.', definedOr(ref('job'))),
  'job-groups': described(
    'Jobs that are invoked together.',
    mapOf({ type: 'object', properties: { jobs: { type: 'array', items: invocation(groupOptionKeys) } } }),
  ),
  workflows: described('Which jobs run, and what they wait for.', {
    anyOf: [
      {
        type: 'object',
        properties: { version: { type: ['number', 'string'] } },
        additionalProperties: workflow(),
      },
      { type: 'null' },
    ],
  }),
})

export const circleciSchema = (): Schema => ({
  $schema: 'http://json-schema.org/draft-07/schema#',
  title: 'A CircleCI configuration, as Mayfly reads it',
  ...object(rootKeys, roots(), { additionalProperties: true, required: ['version'] }),
  definitions: definitions(),
})
