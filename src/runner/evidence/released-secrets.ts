// The secrets that a job is owed, for what is proven of it; and what becomes of a job that gets none because something is not.
import { isFault } from '../../base/faults.ts'
import { type SecretsPayload, secretsPayload } from '../../protocol/released.ts'
import type { AttemptReason } from '../attempt.ts'
import { type AskSealedDeps, askSealed } from '../session/ask-sealed.ts'
import { type AttemptSink, say } from '../sink.ts'
import type { JobProof } from './job-proof.ts'
import type { Proof } from './prove.ts'

export type Given = { readonly ok: true; readonly secrets: SecretsPayload; readonly proof: Proof }
export type NotGiven = {
  readonly ok: false
  /** `errored` is tried again. */
  readonly outcome: 'failed' | 'errored'
  readonly reason: AttemptReason
}

/** Rejects when `signal` aborts, and for defects of ours. */
export const releasedSecrets = async (
  deps: AskSealedDeps,
  { attempt, proof }: { readonly attempt: string; readonly proof: JobProof },
  sink: AttemptSink,
  signal: AbortSignal,
): Promise<Given | NotGiven> => {
  try {
    const proven = await proof.prove(signal)
    const body = { v: 1, attempt, evidence: proven.evidence }
    const secrets = await askSealed(deps, 'secrets', body, secretsPayload, signal)
    for (const name of secrets.stale ?? [])
      await say(sink, 0, `not released: ${name} is for the newest commit of its branch or tag only  [MF5023]`)
    return { ok: true, secrets, proof: proven }
  } catch (error) {
    if (signal.aborted || !isFault(error) || error.code === 'E_DESTROY_UNVERIFIED') throw error
    const { code, public: message, row } = error
    await say(sink, 0, `no secrets, and so no job: ${message}  [${row.number}]`)
    return { ok: false, outcome: row.retryable ? 'errored' : 'failed', reason: { code, message } }
  }
}
