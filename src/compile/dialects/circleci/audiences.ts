// Whom a job may prove its identity to (trust-model.md §5.4): nothing is minted that the configuration does not name. In this
// dialect naming is declaring: the variables CIRCLE_OIDC_TOKEN and CIRCLE_OIDC_TOKEN_V2 are for the organisation, and `circleci
// run oidc get` names its audience itself, written out.
import { audienceForm, audiencesMax } from '../../../protocol/identity.ts'
import type { Env, PlanStep } from '../../../protocol/plan.ts'
import type { SourceNode } from '../../source/node.ts'
import type { Compiling } from './compiling.ts'

type Named = {
  readonly audiences: readonly (string | null)[]
  /** Some audience is put together when the step runs, or is none. */
  readonly isUnclear: boolean
}

const variables = /(?<![A-Za-z0-9_])CIRCLE_OIDC_TOKEN(?:_V2)?(?![A-Za-z0-9_])/
const asks = /(?<![A-Za-z0-9_.-])circleci(?:-agent)?[ \t]+run[ \t]+oidc[ \t]+get(?![A-Za-z0-9_-])([^\n;&|]*)/g
/** In JSON, as a shell has it in single or in double quotes. */
const audienceOf = /\\?"aud\\?"\s*:\s*\\?"([^"\\]*)\\?"/

const namedIn = (script: string): Named => {
  if (!/oidc/i.test(script)) return { audiences: [], isUnclear: false }
  const asked = [...script.replaceAll('\\\n', ' ').matchAll(asks)].map(([, rest = '']) =>
    rest.includes('--claims') ? (audienceOf.exec(rest)?.[1] ?? '') : null,
  )
  const audiences = asked.filter((audience) => audience === null || audienceForm.test(audience))
  return {
    audiences: [...(variables.test(script) ? [null] : []), ...audiences],
    isUnclear: audiences.length < asked.length,
  }
}

/** Of what a job runs, and of the values of its variables: a script outside the file can be named there. */
export const audiencesOf = (steps: readonly PlanStep[], env: Env): readonly (string | null)[] => {
  const runs = steps.flatMap((step) => (step.kind === 'run' ? [step] : []))
  const texts = [
    ...runs.map(({ command }) => command),
    ...[env, ...runs.map((step) => step.env)].flatMap((each) => each.map(([, value]) => value)),
  ]
  return [...new Set(texts.flatMap((text) => namedIn(text).audiences))].slice(0, audiencesMax)
}

/** `at` is where the script stands. */
export const warnUnclearAudience = (cx: Compiling, at: SourceNode, script: string): void => {
  if (namedIn(script).isUnclear)
    cx.problems.add(
      'W_AUDIENCE_UNCLEAR',
      at,
      '"circleci run oidc get" is given an audience that is not written out: there will be no token for it',
      `write --claims '{"aud":"…"}' with the audience itself`,
    )
}
