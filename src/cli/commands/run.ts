// `mayfly run`: the workflows of this work tree, here, without a server: same compiler, same rules of what runs next,
// same sandbox. Where it differs from a server it says so on stderr.
import { availableParallelism } from 'node:os'
import { resolve } from 'node:path'
import { fault } from '../../base/faults.ts'
import { formatId, type RunId, uuid7 } from '../../base/ids.ts'
import { formatProblems } from '../../compile/index.ts'
import type { Env, Plan, RunFacts } from '../../protocol/plan.ts'
import { cacheDirectory } from '../cache-directory.ts'
import { exitCodeOf, exitCodes } from '../exit-codes.ts'
import { findWorkTree, type WorkTree } from '../git/work-tree.ts'
import { inertText } from '../inert.ts'
import { findProjectRoot, localEvent, readConfiguration } from '../local/configuration.ts'
import { readSecrets, type SecretFlags, unmaskableOf } from '../local/local-secrets.ts'
import { withOneAhead } from '../local/one-ahead.ts'
import { compileWithOrbs } from '../local/orbs.ts'
import { localRunFacts, noRun } from '../local/run-facts.ts'
import { runPlan } from '../local/run-plan.ts'
import { choose, chooseFirst, withoutWaiting } from '../local/selection.ts'
import { parseVariables, readVariables } from '../local/variables.ts'
import { writeTable } from '../look.ts'
import type { LocalSandboxes, Surroundings } from '../surroundings.ts'

export type RunFlags = SecretFlags & {
  readonly job?: string
  readonly list?: boolean
  readonly env: readonly string[]
  readonly envFile?: string
  readonly network?: 'none' | 'open'
  readonly isolation?: 'rootless' | 'container'
  readonly jobs?: string
  readonly artifacts?: string
  readonly cache?: boolean
  readonly json?: boolean
}

/** `opening`: the sandboxes start while this is loaded and the configuration is read; closed here. */
export const runLocally = async (
  around: Surroundings,
  flags: RunFlags,
  name: string | undefined,
  opening: Promise<LocalSandboxes>,
): Promise<number> => {
  const ahead = opening.then((sandboxes) => withOneAhead(sandboxes, flags.network))
  ahead.catch(() => undefined)
  try {
    return await compileAndRun(around, flags, { name, ...(await findProject(around)) }, ahead)
  } finally {
    const sandboxes = await opening.catch(() => null)
    await sandboxes?.close()
  }
}

/** `mayfly run --list`. */
export const listLocally = async (around: Surroundings, flags: RunFlags): Promise<number> => {
  const { tree, root } = await findProject(around)
  const facts = await localRunFacts(around, { tree, root, id: noRun })
  const plan = await compileTree(around, tree, root, { run: facts, followSetup: true })
  return plan === null ? exitCodes.invalidConfiguration : listPlan(around, flags, plan)
}

type Project = { readonly tree: WorkTree | null; readonly root: string }
type Where = Project & { readonly name: string | undefined }

const findProject = async (around: Surroundings): Promise<Project> => {
  const tree = await findWorkTree(around)
  return { tree, root: findProjectRoot(around.cwd, tree) }
}

const compileAndRun = async (
  around: Surroundings,
  flags: RunFlags,
  { name, tree, root }: Where,
  opening: Promise<LocalSandboxes>,
): Promise<number> => {
  const facts = await localRunFacts(around, { tree, root, id: newRunId(around) })
  const compiled = await compileTree(around, tree, root, { run: facts })
  if (compiled === null) return exitCodes.invalidConfiguration
  const variables = await variablesOf(around, flags)
  const secrets = await readSecrets(around, flags)
  for (const name of unmaskableOf(secrets))
    around.stderr.write(
      inertText`note: the secret ${name} is too short or too plain to be masked in the output\n`,
    )
  const asked = (chosen: Plan): Plan => {
    const { plan, notes } = withoutWaiting(chosen)
    for (const note of notes) around.stderr.write(inertText`note: ${note}\n`)
    return plan
  }
  const first = chooseFirst(compiled, { name, job: flags.job })
  const plan = asked(first.plan)
  if (tree === null) around.stderr.write('note: not a Git work tree: every file goes in, as branch "main"\n')
  const status = await runPlan(around, {
    plan,
    chooseLater: (later) => asked(choose(later, first.later)),
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
      artifacts: flags.artifacts === undefined ? null : resolve(around.cwd, flags.artifacts),
      caches: flags.cache === true ? cacheDirectory(around, root) : null,
    },
  })
  return around.interrupted.aborted ? exitCodes.interrupted : exitCodeOf(status)
}

const compileTree = async (
  around: Surroundings,
  tree: WorkTree | null,
  root: string,
  more: { readonly run: RunFacts; readonly followSetup?: true },
): Promise<Plan | null> => {
  const input = { files: await readConfiguration(root), event: localEvent(tree), parameters: {}, ...more }
  const { result } = await compileWithOrbs(around, input)
  around.stderr.write(formatProblems(result.problems))
  return result.ok ? result.plan : null
}

const newRunId = ({ clock, randomBytes }: Surroundings): RunId =>
  formatId('run', uuid7(clock.now(), randomBytes(10)))

const variablesOf = async (around: Surroundings, flags: RunFlags): Promise<Env> => [
  ...(flags.envFile === undefined ? [] : await readVariables(around.cwd, flags.envFile)),
  ...parseVariables(flags.env, '-e'),
]

const slotsOf = (text: string | undefined): number => {
  if (text === undefined) return Math.max(2, availableParallelism())
  if (!/^[1-9]\d{0,2}$/.test(text))
    throw fault('E_INPUT', { public: `-n ${text}: give a number from 1 to 999` })
  return Number(text)
}

const listPlan = (around: Surroundings, flags: RunFlags, plan: Plan): number => {
  if (flags.json === true) around.stdout.write(`${JSON.stringify(plan.workflows)}\n`)
  else
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
