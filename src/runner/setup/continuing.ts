// What the steps of a setup configuration need of what stands around a job: the paths that changed, what a mapping chooses by
// them, and that the run goes on. The runner's one asks its source and its server (server-continuing.ts), the one of
// `mayfly run` looks at the work tree and goes on by itself. The steps (setup-steps.ts) know neither.
import type { ChooseAnswer, ChooseRequest, MergeAnswer, SourceText } from '../../protocol/compile.ts'
import type { PlanFilterStep } from '../../protocol/plan.ts'

export type Print = (text: string) => Promise<void> | undefined

export type ChangedPaths =
  | {
      readonly ok: true
      /** The commit that was compared with. */
      readonly from: string
      readonly paths: readonly string[]
    }
  | { readonly ok: false; readonly message: string }

/** `parameters` is JSON. */
export type FoundContinuation = {
  readonly sources: readonly SourceText[]
  readonly parameters: string
}

export interface Continuing {
  changed(
    base: Pick<PlanFilterStep, 'base' | 'onBase'>,
    print: Print,
    signal: AbortSignal,
  ): Promise<ChangedPaths>
  choose(asked: ChooseRequest['choose'], signal: AbortSignal): Promise<ChooseAnswer>
  /** Of what several files say one text. */
  merge(sources: readonly SourceText[], signal: AbortSignal): Promise<MergeAnswer>
  /** The run goes on with this, once. Why it does not is the step's failure. */
  goOn(
    found: FoundContinuation,
    print: Print,
    signal: AbortSignal,
  ): Promise<{ readonly ok: true } | { readonly ok: false; readonly message: string }>
}

/** For one attempt: its second time is no first one of a rerun. */
export const onceInAttempt = (continuing: Continuing): Continuing => {
  let hasGoneOn = false
  return {
    ...continuing,
    goOn: async (found, print, signal) => {
      if (hasGoneOn) return { ok: false, message: 'this job has continued its run before; that happens once' }
      const said = await continuing.goOn(found, print, signal)
      hasGoneOn = said.ok
      return said
    },
  }
}
