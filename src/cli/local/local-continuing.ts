// How a setup configuration goes on without a server: the work tree says what changed, and what its jobs found is compiled
// here, as the configuration of the work tree itself was.
import { isFault } from '../../base/faults.ts'
import { choosePaths, formatProblems, mergeConfigs } from '../../compile/index.ts'
import type { Plan, PlanInputs, RunEvent, RunFacts } from '../../protocol/plan.ts'
import type { Continuing } from '../../runner/index.ts'
import { treeChanges } from '../git/changes.ts'
import type { WorkTree } from '../git/work-tree.ts'
import type { Surroundings } from '../surroundings.ts'
import { readConfigurationWith } from './configuration.ts'
import { compileWithOrbs } from './orbs.ts'

export type LocalContinuingOf = {
  readonly tree: WorkTree | null
  readonly root: string
  readonly facts: RunFacts
  readonly event: RunEvent
  readonly parameters: PlanInputs['parameters']
  /** The configuration in place of the one of the work tree. */
  readonly config: string | null
  /** Instead of what path filtering compares with. */
  readonly changedSince: string | null
  /** The plan belongs to a setup configuration, of which this is a job. */
  readonly isSetup: boolean
  /** The run goes on with this plan. Faults are the step's failure. */
  readonly onPlan: (plan: Plan) => WentOn
}

/** `kept`: an earlier attempt of the same job did it. */
export type WentOn = 'taken' | 'kept' | 'refused'

export const createLocalContinuing = (around: Surroundings, of: LocalContinuingOf): Continuing => ({
  changed: async (base) =>
    of.tree === null
      ? { ok: false, message: 'this is no Git work tree, so nobody knows what changed' }
      : treeChanges(
          around,
          of.tree,
          of.changedSince === null ? base : { base: of.changedSince, onBase: 'nothing' },
        ),
  choose: async ({ changed, ...mapping }) => choosePaths(mapping, changed),
  merge: async (sources) => mergeConfigs(sources),
  goOn: async (found, print) => {
    if (!of.isSetup) return refused('only a job of a configuration with "setup: true" continues its run')
    const { result } = await compileWithOrbs(around, {
      files: await readConfigurationWith(of.root, of.config),
      event: of.event,
      run: of.facts,
      parameters: of.parameters,
      continuedWith: found,
    })
    if (result.problems.length > 0) await print(formatProblems(result.problems).trimEnd())
    if (!result.ok) return refused('the configuration that the run was to go on with is not valid')
    try {
      if (of.onPlan(result.plan) === 'refused') return refused('the run went on before; that happens once')
    } catch (error) {
      if (isFault(error)) return refused(error.public)
      throw error
    }
    await print(`the run goes on with: ${namesOf(result.plan)}`)
    return { ok: true }
  },
})

const refused = (message: string) => ({ ok: false, message }) as const

const namesOf = ({ workflows }: Plan): string => workflows.map(({ name }) => name).join(', ') || 'no workflow'
