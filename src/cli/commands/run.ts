// `mayfly run`: the workflows of this work tree, here, without a server: same compiler, same rules of what runs next,
// same sandbox. Where it differs from a server it says so on stderr.
import { availableParallelism } from 'node:os'
import { fault } from '../../base/faults.ts'
import { compile, formatProblems } from '../../compile/index.ts'
import type { Env, Plan } from '../../protocol/plan.ts'
import { exitCodeOf, exitCodes } from '../exit-codes.ts'
import { findWorkTree, type WorkTree } from '../git/work-tree.ts'
import { findProjectRoot, localEvent, readConfiguration } from '../local/configuration.ts'
import { runPlan } from '../local/run-plan.ts'
import { choose, withoutWaiting } from '../local/selection.ts'
import { parseVariables, readVariables } from '../local/variables.ts'
import { writeTable } from '../look.ts'
import type { LocalSandboxes, Surroundings } from '../surroundings.ts'

export type RunFlags = {
  readonly job?: string
  readonly list?: boolean
  readonly env: readonly string[]
  readonly envFile?: string
  readonly network?: 'none' | 'open'
  readonly jobs?: string
  readonly json?: boolean
}

export const runLocally = async (
  around: Surroundings,
  flags: RunFlags,
  name: string | undefined,
): Promise<number> => {
  const tree = await findWorkTree(around)
  const root = findProjectRoot(around.cwd, tree)
  if (flags.list !== true)
    return withSandboxes(around, (sandboxes) => compileAndRun(around, flags, { name, tree, root }, sandboxes))
  const plan = await compileTree(around, tree, root)
  if (plan === null) return exitCodes.invalidConfiguration
  return listPlan(around, flags, plan)
}

type Where = { readonly name: string | undefined; readonly tree: WorkTree | null; readonly root: string }

/** The sandboxes start while the configuration is read and compiled. */
const withSandboxes = async (
  around: Surroundings,
  use: (sandboxes: Promise<LocalSandboxes>) => Promise<number>,
): Promise<number> => {
  const opening = around.openSandboxes()
  // Awaited below in every case; a failure before that must not count as unhandled.
  opening.catch(() => undefined)
  try {
    return await use(opening)
  } finally {
    const sandboxes = await opening.catch(() => null)
    await sandboxes?.close()
  }
}

const compileAndRun = async (
  around: Surroundings,
  flags: RunFlags,
  { name, tree, root }: Where,
  opening: Promise<LocalSandboxes>,
): Promise<number> => {
  const compiled = await compileTree(around, tree, root)
  if (compiled === null) return exitCodes.invalidConfiguration
  const variables = await variablesOf(around, flags)
  const { plan, notes } = withoutWaiting(choose(compiled, { name, job: flags.job }))
  for (const note of notes) around.stderr.write(`note: ${note}\n`)
  if (tree === null) around.stderr.write('note: not a Git work tree: every file goes in, as branch "main"\n')
  const status = await runPlan(around, {
    plan,
    tree,
    root,
    variables,
    network: flags.network ?? null,
    slots: slotsOf(flags.jobs),
    sandboxes: await opening,
    json: flags.json === true,
  })
  return around.interrupted.aborted ? exitCodes.interrupted : exitCodeOf(status)
}

const compileTree = async (
  around: Surroundings,
  tree: WorkTree | null,
  root: string,
): Promise<Plan | null> => {
  const result = compile({ files: await readConfiguration(root), event: localEvent(tree), parameters: {} })
  around.stderr.write(formatProblems(result.problems))
  return result.ok ? result.plan : null
}

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
