// What a `run` step has to prove who its job is: CIRCLE_OIDC_TOKEN and CIRCLE_OIDC_TOKEN_V2, and what `circleci run oidc get`
// finds. A step begins with tokens that are good for a while; those of the step before serve it when they still are.
import type { Clock } from '../../base/clock.ts'
import { isFault } from '../../base/faults.ts'
import { Secret } from '../../base/secret.ts'
import type { IdentityPayload } from '../../protocol/identity.ts'
import { identityVariable } from '../../protocol/job-commands.ts'
import type { JobAttempt } from '../job-attempt.ts'
import { tokenLeftSecondsMin } from '../limits.ts'
import { type AttemptSink, say } from '../sink.ts'
import type { SecretVariables } from '../steps/deliver-secrets.ts'
import type { Identity } from './server-identity.ts'
import { variableOf } from './variables.ts'

export type StepTokens = (step: number, signal: AbortSignal) => Promise<SecretVariables>

type Deps = { readonly identity?: Identity; readonly clock: Clock }

export const createStepTokens = (
  { identity, clock }: Deps,
  { spec }: Pick<JobAttempt, 'spec'>,
  sink: AttemptSink,
): StepTokens => {
  const { audiences = [] } = spec
  const none: SecretVariables = new Map()
  if (audiences.length === 0) return async () => none
  if (identity === undefined) {
    sink.event({ kind: 'note', text: 'identity tokens come from an installation: there are none here' })
    return async () => none
  }
  const tellLeft = once((step: number, why: string) => say(sink, step, `a token is missing: ${why}`))
  /** One question at a time: a background step may begin beside its next. */
  let last: Promise<IdentityPayload | null> = Promise.resolve(null)
  const current = (step: number, signal: AbortSignal): Promise<IdentityPayload> => {
    const asked = last.then((given) =>
      given !== null && given.exp - clock.now() / 1000 >= tokenLeftSecondsMin
        ? given
        : identity.tokens(step, audiences, signal),
    )
    last = asked.catch(() => null)
    return asked
  }
  return async (step, signal) => {
    try {
      const payload = await current(step, signal)
      if (payload.left !== undefined) await tellLeft(step, payload.left)
      return variablesOf(payload, new Set(spec.env.map(([name]) => name)))
    } catch (error) {
      // The step ends before it begins; or it is told why nobody vouches for it, and goes on without.
      if (!signal.aborted && (!isFault(error) || error.row.retryable || error.code === 'E_LEASE_LOST'))
        throw error
      if (isFault(error)) await say(sink, step, `no identity tokens: ${error.public}  [${error.row.number}]`)
      return none
    }
  }
}

/** Below what the job itself names so. */
const variablesOf = ({ tokens }: IdentityPayload, taken: ReadonlySet<string>): SecretVariables => {
  const own = tokens
    .filter((token) => token.audience === null && !taken.has(variableOf(token)))
    .map((each) => [variableOf(each), new Secret(each.token)] as const)
  const asked = tokens.flatMap(({ audience, token }) => (audience === null ? [] : [`${audience} ${token}`]))
  return new Map([
    ...own,
    ...(asked.length === 0 ? [] : [[identityVariable, new Secret(asked.join(' '))] as const]),
  ])
}

const once = <A extends readonly unknown[]>(act: (...args: A) => Promise<void> | undefined) => {
  let isDone = false
  return async (...args: A): Promise<void> => {
    if (isDone) return
    isDone = true
    await act(...args)
  }
}
