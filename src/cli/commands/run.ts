// `mayfly run`: the workflows of this work tree, here, without a server: same compiler, same rules of what runs next,
// same sandbox. Where it differs from a server it says so on stderr.
import { availableParallelism } from 'node:os'
import { resolve } from 'node:path'
import { fault } from '../../base/faults.ts'
import { formatId, type RunId, uuid7 } from '../../base/ids.ts'
import { formatProblems, pipelineParameterTypes } from '../../compile/index.ts'
import type { Env, Plan, RunEvent } from '../../protocol/plan.ts'
import type { ReleasedSecret } from '../../protocol/released.ts'
import { cacheDirectory } from '../cache-directory.ts'
import { askedChange, askedEvent, type EventFlags, eventWords } from '../config/asked-event.ts'
import { exitCodeOf, exitCodes } from '../exit-codes.ts'
import { findWorkTree, type WorkTree, whyRefused } from '../git/work-tree.ts'
import { inertText } from '../inert.ts'
import type { WatchedProject } from '../local/changed-project.ts'
import { findProjectRoot, readConfigurationWith } from '../local/configuration.ts'
import { readSecrets, type SecretFlags, unmaskableOf } from '../local/local-secrets.ts'
import { withOneAhead } from '../local/one-ahead.ts'
import { compileWithOrbs } from '../local/orbs.ts'
import { readParameters } from '../local/parameters.ts'
import { type LocalFacts, localRunFacts, noRun } from '../local/run-facts.ts'
import { runPlan } from '../local/run-plan.ts'
import { choose, chooseFirst, chooseMatrix, type Wished, withoutWaiting } from '../local/selection.ts'
import { parseVariables, readVariables } from '../local/variables.ts'
import { paintFor, writeTable } from '../look.ts'
import type { LocalSandboxes, Surroundings } from '../surroundings.ts'

export type RunFlags = SecretFlags & {
  readonly job?: string
  readonly list?: boolean
  readonly graph?: boolean
  readonly plan?: boolean
  readonly needs?: boolean
  readonly matrix: readonly string[]
  readonly param: readonly string[]
  readonly event?: EventFlags['event']
  readonly branch?: string
  readonly ciBranch?: string
  readonly tag?: string
  readonly pullRequest?: string
  readonly config?: string
  readonly changedSince?: string
  readonly env: readonly string[]
  readonly variable: readonly string[]
  readonly envFile?: string
  readonly network?: 'none' | 'open'
  readonly isolation?: 'rootless' | 'container'
  readonly jobs?: string
  readonly artifacts?: string
  readonly cache?: boolean
  readonly watch?: boolean
  readonly json?: boolean
}

/** `opening`: the sandboxes start while this is loaded and the configuration is read; closed here. */
export const runLocally = async (
  around: Surroundings,
  flags: RunFlags,
  name: string | undefined,
  opening: Promise<LocalSandboxes>,
): Promise<number> => {
  let given: Promise<Given> | null = null
  const once = (seen: Surroundings) => {
    const ahead = opening.then((sandboxes) => withOneAhead(sandboxes, flags.network))
    ahead.catch(() => undefined)
    return compileAndRun(seen, flags, name, {
      opening: ahead,
      // Asked for once, however often it runs.
      given: () => {
        given ??= readGiven(around, flags)
        return given
      },
    })
  }
  try {
    if (flags.watch !== true) return await once(around)
    const { runAgain } = await import('./run-again.ts')
    return await runAgain(around, await watchedProject(around, flags), once)
  } finally {
    const sandboxes = await opening.catch(() => null)
    await sandboxes?.close()
  }
}

/** `mayfly run --list`, `--graph` and `--plan`: nothing is carried out. */
export const listLocally = async (
  around: Surroundings,
  flags: RunFlags,
  name: string | undefined,
): Promise<number> => {
  if (flags.watch === true)
    throw fault('E_INPUT', { public: '--watch carries out: leave it out, or --list, --graph and --plan' })
  const asked = await askedOf(around, flags, noRun)
  const compiled = await compileTree(around, asked, { followSetup: true })
  if (compiled === null) return exitCodes.invalidConfiguration
  const plan = chooserOf(flags)(choose(compiled, wishOf(flags, name)))
  return showPlan(around, flags, plan)
}

/** What the run is told of itself. */
type Asked = Project & {
  readonly facts: LocalFacts
  readonly event: RunEvent
  readonly config: string | null
  readonly parameters: readonly string[]
}

const askedOf = async (around: Surroundings, flags: RunFlags, id: RunId): Promise<Asked> => {
  const { tree, root } = await findProject(around)
  const facts = await localRunFacts(around, { tree, root, id })
  const words = { ...flags, event: flags.event ?? (flags.pullRequest === undefined ? 'local' : 'push') }
  const branch = flags.branch ?? flags.ciBranch
  const given = { ...words, ...(branch === undefined ? {} : { branch }), parameter: flags.param }
  const change = askedChange(given)
  return {
    ...{ tree, root, facts: change === null ? facts : { ...facts, change } },
    event: askedEvent(given, tree),
    config: flags.config === undefined ? null : resolve(around.cwd, flags.config),
    parameters: flags.param,
  }
}

const wishOf = ({ job, needs }: RunFlags, name: string | undefined): Wished => {
  if (needs === true && job === undefined && name === undefined)
    throw fault('E_INPUT', { public: '--needs is of one job: name it' })
  return { name, job, needs: needs === true }
}

/** Of the jobs that a matrix made. */
const chooserOf = ({ matrix }: RunFlags): ((plan: Plan) => Plan) => {
  if (matrix.length === 0) return (plan) => plan
  const values = new Map(
    matrix.map((word) => {
      const [, name, value] = /^([^=]+)=(.*)$/s.exec(word) ?? []
      if (name === undefined || value === undefined)
        throw fault('E_INPUT', { public: `--matrix ${word}: write NAME=VALUE` })
      return [name, value] as const
    }),
  )
  return (plan) => chooseMatrix(plan, values)
}

type Project = { readonly tree: WorkTree | null; readonly root: string }

const findProject = async (around: Surroundings): Promise<Project> => {
  const tree = await findWorkTree(around)
  // Without Git every file goes in: also what a repository that it does not open ignores.
  const why = tree === null ? await whyRefused(around) : null
  if (why !== null) throw fault('E_INPUT', { public: `Git does not say which files belong here: ${why}` })
  return { tree, root: findProjectRoot(around.cwd, tree) }
}

const compileAndRun = async (
  around: Surroundings,
  flags: RunFlags,
  name: string | undefined,
  { opening, given }: { readonly opening: Promise<LocalSandboxes>; readonly given: () => Promise<Given> },
): Promise<number> => {
  const told = await askedOf(around, flags, newRunId(around))
  const { tree, root, facts, config, event } = told
  const compiled = await compileTree(around, told)
  if (compiled === null) return exitCodes.invalidConfiguration
  if (event.kind !== 'local' || event.branch !== tree?.branch)
    around.stderr.write(inertText`note: jobs are told of: ${eventWords(event)}; the files are those here\n`)
  const { variables, secrets } = await given()
  const asked = (chosen: Plan): Plan => {
    const { plan, notes } = withoutWaiting(chosen)
    for (const note of notes) around.stderr.write(inertText`note: ${note}\n`)
    return plan
  }
  const ofMatrix = chooserOf(flags)
  const first = chooseFirst(compiled, wishOf(flags, name))
  // Of a setup configuration the jobs with a matrix come later.
  const isLater = compiled.setup === true
  const plan = asked(isLater ? first.plan : ofMatrix(first.plan))
  if (tree === null) around.stderr.write('note: not a Git work tree: every file goes in, as branch "main"\n')
  const status = await runPlan(around, {
    plan,
    chooseLater: (later) => asked(ofMatrix(choose(later, first.later))),
    config,
    changedSince: flags.changedSince ?? null,
    tree,
    root,
    facts,
    variables,
    secrets,
    network: flags.network ?? null,
    isolation: flags.isolation ?? null,
    slots: slotsOf(flags.jobs),
    sandboxes: await opening,
    json: flags.json === true,
    places: {
      artifacts: artifactsOf(around, flags),
      caches: flags.cache === true ? cacheDirectory(around, root) : null,
    },
  })
  return around.interrupted.aborted ? exitCodes.interrupted : exitCodeOf(status)
}

const compileTree = async (
  around: Surroundings,
  { root, facts, event, config, parameters }: Asked,
  more: { readonly followSetup?: true } = {},
): Promise<Plan | null> => {
  const files = await readConfigurationWith(root, config)
  const given = readParameters(parameters, pipelineParameterTypes(files))
  const { result } = await compileWithOrbs(around, {
    ...{ files, event, parameters: given, run: facts },
    ...more,
  })
  around.stderr.write(formatProblems(result.problems))
  return result.ok ? result.plan : null
}

const newRunId = ({ clock, randomBytes }: Surroundings): RunId =>
  formatId('run', uuid7(clock.now(), randomBytes(10)))

type Given = { readonly variables: Env; readonly secrets: readonly ReleasedSecret[] }

const readGiven = async (around: Surroundings, flags: RunFlags): Promise<Given> => {
  const variables = await variablesOf(around, flags)
  const secrets = await readSecrets(around, flags)
  for (const name of unmaskableOf(secrets))
    around.stderr.write(
      inertText`note: the secret ${name} is too short or too plain to be masked in the output\n`,
    )
  return { variables, secrets }
}

const artifactsOf = ({ cwd }: Surroundings, { artifacts }: RunFlags): string | null =>
  artifacts === undefined ? null : resolve(cwd, artifacts)

/** Another configuration counts wherever it lies; what jobs store does not. */
const watchedProject = async (around: Surroundings, flags: RunFlags): Promise<WatchedProject> => {
  const artifacts = artifactsOf(around, flags)
  return {
    ...(await findProject(around)),
    also: flags.config === undefined ? [] : [resolve(around.cwd, flags.config)],
    without: artifacts === null ? [] : [artifacts],
  }
}

const variablesOf = async (around: Surroundings, flags: RunFlags): Promise<Env> => [
  ...(flags.envFile === undefined ? [] : await readVariables(around.cwd, flags.envFile)),
  ...parseVariables([...flags.variable, ...flags.env], '-e'),
]

const slotsOf = (text: string | undefined): number => {
  if (text === undefined) return Math.max(2, availableParallelism())
  if (!/^[1-9]\d{0,2}$/.test(text))
    throw fault('E_INPUT', { public: `-n ${text}: give a number from 1 to 999` })
  return Number(text)
}

const showPlan = async (around: Surroundings, flags: RunFlags, plan: Plan): Promise<number> => {
  const paint = paintFor(around, around.stdout)
  if (flags.json === true)
    around.stdout.write(`${JSON.stringify(flags.plan === true ? { plan } : plan.workflows)}\n`)
  else if (flags.plan === true) {
    const { planText } = await import('../config/plan-text.ts')
    around.stdout.write(planText(plan, { paint, origins: null, shownOf: (name) => name }))
  } else if (flags.graph === true) {
    const { textGraph } = await import('../config/graph.ts')
    around.stdout.write(textGraph(plan, paint))
  } else
    writeTable(
      around.stdout,
      ['WORKFLOW', 'JOB', 'KIND', 'NEEDS', 'IMAGE'],
      plan.workflows.flatMap((workflow) =>
        workflow.jobs.map((job) => [
          workflow.name,
          job.shards > 1 ? `${job.name} ×${job.shards}` : job.name,
          job.kind,
          job.needs.map((need) => need.job).join(' ') || '-',
          job.spec?.image.ref ?? job.spec?.image.kind ?? '-',
        ]),
      ),
    )
  return exitCodes.success
}
