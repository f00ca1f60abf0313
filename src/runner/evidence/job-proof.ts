// What is proven of one attempt: once, when somebody first needs it, and never for a job that is owed nothing.
import { isFault } from '../../base/faults.ts'
import { type JobTerms, parseTermsAnswer } from '../../protocol/job-terms.ts'
import type { JobLease, LeaseGrant } from '../../protocol/runner-wire.ts'
import type { SourceKey } from '../checkout/source-cell.ts'
import type { PlanDeps } from '../plan.ts'
import { type AskDeps, askServer } from '../session/ask-server.ts'
import { type AttemptSink, say } from '../sink.ts'
import { type Proof, prove, short } from './prove.ts'

export interface JobProof {
  /** Rejects with the fault that says what could not be proven; then it may be asked again. */
  prove(signal: AbortSignal): Promise<Proof>
  /** Resolves when every sandbox that it took is proven gone; rejects when one is not. */
  ended(): Promise<void>
}

export const createJobProof = (
  deps: PlanDeps & AskDeps,
  {
    grant,
    spec,
    key,
  }: { readonly grant: LeaseGrant; readonly spec: JobLease; readonly key: SourceKey | null },
  sink: AttemptSink,
): JobProof => {
  let proving: Promise<Proof> | null = null
  let stuck: unknown = null
  const begin = async (signal: AbortSignal): Promise<Proof> => {
    const terms = (): Promise<JobTerms> =>
      askServer(deps, 'terms', () => ({ v: 1 }), parseTermsAnswer, signal)
    const print = (bytes: Uint8Array) => sink.output(0, bytes)
    const proof = await prove(deps, { attempt: grant.attempt, spec, key, terms }, print, signal)
    await say(sink, 0, wordsOf(proof))
    return proof
  }
  return {
    prove: (signal) => {
      proving ??= begin(signal).catch((error: unknown) => {
        if (isFault(error, 'E_DESTROY_UNVERIFIED')) stuck = error
        // A source host that was away may be back when somebody asks again.
        proving = null
        throw error
      })
      return proving
    },
    ended: async () => {
      const proof = await proving?.catch(() => null)
      if (stuck !== null) throw stuck
      await proof?.ended
    },
  }
}

const wordsOf = ({ evidence }: Proof): string => {
  const { repo, ref, ref_tip: tip, commit, is_tip: isTip, continued } = evidence
  const where = isTip ? `the newest commit of ${ref}` : `a commit of ${ref}, which is at ${short(tip)} by now`
  const how = continued === undefined ? 'its configuration makes this job' : 'its setup job made this one'
  return `proven before secrets are asked for: ${short(commit)} is ${where} in ${repo}, and ${how}`
}
