// Identity tokens of a step from the vault, by way of the server: sealed to a key that lives for one question, and asked for in
// a body that this runner signs. Whoever is given one, `onTokens` hears of it first: it is masked before it can be printed.
import { toBase64Url } from '../../base/bytes.ts'
import { fault } from '../../base/faults.ts'
import { parseShape } from '../../base/shape.ts'
import { type IdentityPayload, identityPayload, parseIdentityAnswer } from '../../protocol/identity.ts'
import type { LeaseGrant } from '../../protocol/runner-wire.ts'
import { type CryptoKey, generateEphemeralKey, type KeyPair, openRelease } from '../../seal/index.ts'
import type { MaskedSecret } from '../logs/mask.ts'
import { type AskDeps, askServer } from '../session/ask-server.ts'
import { variableOf } from './variables.ts'

export interface Identity {
  /** For the step of this number. Rejects with the fault by which they are refused. */
  tokens(step: number, audiences: readonly (string | null)[], signal: AbortSignal): Promise<IdentityPayload>
}

export const createServerIdentity = (
  deps: AskDeps & { readonly grant: Pick<LeaseGrant, 'attempt'>; readonly vaultSignKey: CryptoKey },
  onTokens: (tokens: readonly MaskedSecret[]) => void,
): Identity => ({
  tokens: async (step, audiences, signal) => {
    let eph: KeyPair | null = null
    const body = async () => {
      // A new one each time: one that was asked with may be burnt, though its answer was lost.
      eph = await generateEphemeralKey()
      return { v: 1, attempt: deps.grant.attempt, step, audiences, eph: [toBase64Url(eph.publicKey)] }
    }
    const { ticket, sealed } = await askServer(deps, 'identity', body, parseIdentityAnswer, signal)
    const opened = eph === null ? null : await openRelease(eph, sealed, { ticket, vsign: deps.vaultSignKey })
    const payload = parseShape(
      identityPayload,
      opened === null ? null : JSON.parse(Buffer.from(opened).toString('utf8')),
    )
    if (!payload.ok) throw fault('E_PROTOCOL', { detail: 'what the vault is said to have released' })
    onTokens(payload.value.tokens.map((each) => ({ name: variableOf(each), value: Buffer.from(each.token) })))
    return payload.value
  },
})
