// What a `run` step has to prove who its job is: CIRCLE_OIDC_TOKEN and CIRCLE_OIDC_TOKEN_V2, and what `circleci run oidc get`
// finds. A step begins with tokens that are good for a while; those of the step before serve it when they still are. While a
// long step runs, new ones are put where that command looks first.
import { setTimeout as sleep } from 'node:timers/promises'
import { isFault } from '../../base/faults.ts'
import { Secret } from '../../base/secret.ts'
import type { IdentityPayload } from '../../protocol/identity.ts'
import { identityVariable } from '../../protocol/job-commands.ts'
import type { AttemptDeps, JobAttempt } from '../job-attempt.ts'
import { tokenLeftSecondsMin, tokenRenewSeconds, tokenRetryMs } from '../limits.ts'
import { type AttemptSink, say } from '../sink.ts'
import type { SecretVariables } from '../steps/deliver-secrets.ts'
import { variableOf } from './variables.ts'

/** Puts the text where `circleci run oidc get` looks. */
export type PutTokens = (text: string, signal: AbortSignal) => Promise<void>

/** `work` is the step, with the variables that it begins with. */
export type StepTokens = <T>(
  step: number,
  put: PutTokens,
  signal: AbortSignal,
  work: (variables: SecretVariables) => Promise<T>,
) => Promise<T>

type Deps = Pick<AttemptDeps, 'identity' | 'clock' | 'wait'>

const none: SecretVariables = new Map()
const withoutTokens: StepTokens = (_step, _put, _signal, work) => work(none)

export const createStepTokens = (
  { identity, clock, wait = waitQuietly }: Deps,
  { spec }: Pick<JobAttempt, 'spec'>,
  sink: AttemptSink,
): StepTokens => {
  const { audiences = [] } = spec
  if (audiences.length === 0) return withoutTokens
  if (identity === undefined) {
    sink.event({ kind: 'note', text: 'identity tokens come from an installation: there are none here' })
    return withoutTokens
  }
  const taken = new Set(spec.env.map(([name]) => name))
  const tellLeft = once((step: number, why: string) => say(sink, step, `a token is missing: ${why}`))
  /** One question at a time: a background step may begin beside its next. */
  let last: Promise<IdentityPayload | null> = Promise.resolve(null)
  let isRenewed = false
  const goodFor = (given: IdentityPayload): number => given.exp - clock.now() / 1000
  const current = (step: number, leftSeconds: number, signal: AbortSignal): Promise<IdentityPayload> => {
    const asked = last.then((given) =>
      given !== null && goodFor(given) >= leftSeconds ? given : identity.tokens(step, audiences, signal),
    )
    last = asked.catch(() => null)
    return asked
  }
  const begin = async (
    step: number,
    put: PutTokens,
    signal: AbortSignal,
  ): Promise<IdentityPayload | null> => {
    try {
      const payload = await current(step, tokenLeftSecondsMin, signal)
      if (payload.left !== undefined) await tellLeft(step, payload.left)
      // What a step before renewed is older by now.
      if (isRenewed) await put(linesOf(payload, taken), signal)
      return payload
    } catch (error) {
      // The step ends before it begins; or it is told why nobody vouches for it, and goes on without.
      if (!signal.aborted && (!isFault(error) || error.row.retryable || error.code === 'E_LEASE_LOST'))
        throw error
      if (isFault(error)) await say(sink, step, `no identity tokens: ${error.public}  [${error.row.number}]`)
      return null
    }
  }
  /** Until the step ends, or is refused. */
  const renew = async (step: number, given: IdentityPayload, put: PutTokens, signal: AbortSignal) => {
    let payload = given
    while (!signal.aborted) {
      await wait(Math.max(tokenRetryMs, (goodFor(payload) - tokenRenewSeconds) * 1000), signal)
      if (signal.aborted) return
      try {
        const fresh = await current(step, tokenRenewSeconds + 1, signal)
        isRenewed = true
        await put(linesOf(fresh, taken), signal)
        payload = fresh
      } catch (error) {
        // SAFE: of a step that goes on with tokens that it has; what can be asked again is.
        if (signal.aborted || (isFault(error) && error.row.retryable)) continue
        await say(
          sink,
          step,
          `no new identity tokens: ${isFault(error) ? error.public : 'they could not be put'}`,
        )
        return
      }
    }
  }
  return async (step, put, signal, work) => {
    const payload = await begin(step, put, signal)
    if (payload === null) return work(none)
    const ended = new AbortController()
    const renewing = renew(step, payload, put, AbortSignal.any([signal, ended.signal]))
    try {
      return await work(variablesOf(payload, taken))
    } finally {
      ended.abort('ended')
      await renewing
    }
  }
}

const waitQuietly = (ms: number, signal: AbortSignal): Promise<void> =>
  sleep(ms, undefined, { signal, ref: false }).catch(() => undefined)

/** Of the own ones the second version, which is what the command tells. */
const linesOf = ({ tokens }: IdentityPayload, taken: ReadonlySet<string>): string =>
  tokens
    .filter(
      (each) => each.profile === 'circleci-2' && (each.audience !== null || !taken.has(variableOf(each))),
    )
    .map(({ audience, token }) => `${audience ?? '-'} ${token}\n`)
    .join('')

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
