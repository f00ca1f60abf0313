// How a job of a setup configuration says what its run goes on with, below `/runner/v1/leases/:lease/`:
//   continuing  may it, and what is the plan made from beside the configuration it found?
//   continue    the plan, compiled behind a wall like any other: from here on its workflows are part of the run
// Both may be asked again by the same attempt. A run goes on once: who comes later is told so, and nothing changes.
import { either, hasTag, object, oneOf, optional, parseShape, type Shaped, text } from '../base/shape.ts'
import { origin, problems, recordOf } from './compile.ts'
import { continuationProof } from './evidence.ts'
import { plainValues, plan } from './plan-parse.ts'

const code = 'E_PROTOCOL'
const message = text({ max: 4096 })
const sourceMax = 4 * 1024 * 1024

export const parseContinuing = (json: unknown) => parseShape(object({ v: oneOf(1) }), json, code)

const refused = object({ state: oneOf('refused'), message })
/** It went on before, with an earlier attempt of the same job: a rerun keeps its plans. */
const kept = object({ state: oneOf('kept') })
const open = object({
  state: oneOf('open'),
  /** What the run was started with. */
  parameters: plainValues,
  untrustedInScripts: optional(oneOf(true)),
  /** Registry orbs by exact id. */
  orbs: recordOf(text({ max: sourceMax, min: 0 })),
  /** Its jobs may be owed secrets: then they need what this runner has proven of the setup job. */
  prove: optional(oneOf(true)),
})
const terms = either(hasTag('state', 'open'), open, either(hasTag('state', 'kept'), kept, refused))
export type ContinueTerms = Shaped<typeof terms>
export const parseContinueTerms = (json: unknown) => parseShape(terms, json, code)

const request = object({
  v: oneOf(1),
  plan,
  planDigest: text({ max: 64, form: /^[0-9a-f]{64}$/ }),
  origins: recordOf(origin),
  problems,
  /** Of the runner, about the plan. */
  proof: optional(continuationProof),
})
export type ContinueRequest = Shaped<typeof request>
export const parseContinueRequest = (json: unknown) => parseShape(request, json, code)

const taken = object({ state: oneOf('taken') })
const answer = either(hasTag('state', 'taken'), taken, either(hasTag('state', 'kept'), kept, refused))
export type ContinueAnswer = Shaped<typeof answer>
export const parseContinueAnswer = (json: unknown) => parseShape(answer, json, code)
