// The newest plans that this runner compiled itself, each with all that shaped it: a job of such a plan is proven without
// compiling again (decision 0045). In memory only, and never a plan that another runner made.
import type { Plan, PlanInputs, RunFacts } from '../../protocol/plan.ts'
import { canonicalJson } from '../../seal/index.ts'
import { knownPlansMax } from '../limits.ts'

/** Everything that a plan depends on beside the compiler, which is this program's own. */
export type Shaping = {
  readonly project: string
  /** Whose id stands for every file. */
  readonly commit: string
  readonly event: PlanInputs['event']
  readonly parameters: PlanInputs['parameters']
  readonly orbs: Readonly<Record<string, string>>
  /** Counts where the plan asked for it. Without what the commit is called, which follows from the commit. */
  readonly run: RunFacts
}

export interface KnownPlans {
  keep(shaping: Shaping, plan: Plan): void
  find(shaping: Shaping): Plan | null
}

export const createKnownPlans = (): KnownPlans => {
  let known: readonly { readonly shaping: Shaping; readonly plan: Plan }[] = []
  return {
    keep: (shaping, plan) => {
      known = [...known, { shaping, plan }].slice(-knownPlansMax)
    },
    find: (wanted) =>
      known.find(({ shaping, plan }) => isSame(shaping, wanted, plan.inputs.run !== undefined))?.plan ?? null,
  }
}

const isSame = (a: Shaping, b: Shaping, asksForRun: boolean): boolean =>
  a.project === b.project &&
  a.commit === b.commit &&
  spelled(a, asksForRun) === spelled(b, asksForRun) &&
  hasSameTexts(a.orbs, b.orbs)

const spelled = ({ event, parameters, run }: Shaping, asksForRun: boolean): string =>
  canonicalJson({ event, parameters, ...(asksForRun ? { run } : {}) })

/** A store may be large. */
const hasSameTexts = (a: Shaping['orbs'], b: Shaping['orbs']): boolean => {
  const ids = Object.keys(a)
  return ids.length === Object.keys(b).length && ids.every((id) => a[id] === b[id])
}
