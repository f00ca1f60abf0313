// Identity tokens of a step from the vault, by way of the server: sealed to a key that lives for one question, and asked for in
// a body that this runner signs. Whoever is given one, `onTokens` hears of it first: it is masked before it can be printed.
import type { Evidence } from '../../protocol/evidence.ts'
import { type IdentityPayload, identityPayload } from '../../protocol/identity.ts'
import type { LeaseGrant } from '../../protocol/runner-wire.ts'
import type { MaskedSecret } from '../logs/mask.ts'
import { type AskSealedDeps, askSealed } from '../session/ask-sealed.ts'
import { variableOf } from './variables.ts'

export interface Identity {
  /** For the step of this number. Rejects with the fault by which they are refused. */
  tokens(step: number, audiences: readonly (string | null)[], signal: AbortSignal): Promise<IdentityPayload>
}

export const createServerIdentity = (
  deps: AskSealedDeps & {
    readonly grant: Pick<LeaseGrant, 'attempt'>
    /** What is proven of the job. */
    readonly prove: (signal: AbortSignal) => Promise<{ readonly evidence: Evidence }>
  },
  onTokens: (tokens: readonly MaskedSecret[]) => void,
): Identity => ({
  tokens: async (step, audiences, signal) => {
    const { evidence } = await deps.prove(signal)
    const body = { v: 1, attempt: deps.grant.attempt, step, audiences, evidence }
    const payload = await askSealed(deps, 'identity', body, identityPayload, signal)
    onTokens(payload.tokens.map((each) => ({ name: variableOf(each), value: Buffer.from(each.token) })))
    return payload
  },
})
