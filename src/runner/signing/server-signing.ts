// Signatures of a job from the vault, by way of the server (protocol/signing.ts): this runner signs what it wants signed, so that
// nobody on the way puts another digest into it. The keys are never here.
import { toBase64Url } from '../../base/bytes.ts'
import { fault, isFault } from '../../base/faults.ts'
import type { Evidence } from '../../protocol/evidence.ts'
import type { LeaseGrant } from '../../protocol/runner-wire.ts'
import {
  parseSignature,
  type Signature,
  type SignRequest,
  type SocketRequest,
} from '../../protocol/signing.ts'
import { createEphemeralKey } from '../../sys/index.ts'
import { type AskDeps, askServer } from '../session/ask-server.ts'

export interface Signing {
  /** The secrets that the vault says this job may sign with. */
  readonly names: readonly string[]
  /** For the step of this number. Rejects with the fault by which it is refused. */
  sign(step: number, asked: SocketRequest, signal: AbortSignal): Promise<Signature>
}

export const createServerSigning = (
  deps: AskDeps & {
    readonly grant: Pick<LeaseGrant, 'attempt'>
    /** What is proven of the job. */
    readonly prove: (signal: AbortSignal) => Promise<{ readonly evidence: Evidence }>
  },
  names: readonly string[],
): Signing => ({
  names,
  sign: async (step, { name, digest }, signal) => {
    const { evidence } = await deps.prove(signal)
    const body = async (): Promise<SignRequest> => {
      // A new one each time: one that was asked with is burnt, though its answer was lost.
      const { publicKey } = createEphemeralKey()
      return {
        v: 1,
        attempt: deps.grant.attempt,
        step,
        name,
        digest,
        evidence,
        eph: [toBase64Url(publicKey)],
      }
    }
    return askServer(deps, 'sign', body, parseSignature, signal).catch((cause: unknown) => {
      throw isFault(cause, 'E_FORBIDDEN') ? fault('E_FORBIDDEN', { public: refusal(name), cause }) : cause
    })
  },
})

/** What the job may sign with was told it before it began. */
const refusal = (name: string): string =>
  `the vault does not sign with ${name} for this step: it was revoked, has expired or was changed since the job began, or the step has had all its signatures`
