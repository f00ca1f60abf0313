// What the plan of a job was made from beside its commit: a runner that makes it again, to prove the job's script (evidence.ts),
// asks `POST …/leases/:lease/terms`. All of it is the server's word, as it was for the plan.
import { object, oneOf, optional, parseShape, type Shaped, text } from '../base/shape.ts'
import { recordOf } from './compile.ts'
import { continuationProof } from './evidence.ts'
import { plainValues, plan } from './plan-parse.ts'

const code = 'E_PROTOCOL'

export const parseTermsRequest = (json: unknown) => parseShape(object({ v: oneOf(1) }), json, code)
const terms = object({
  /** What the run was started with. */
  parameters: plainValues,
  /** Registry orbs by exact id. */
  orbs: recordOf(text({ max: 4 * 1024 * 1024, min: 0 })),
  /** Of a job that came with the second plan of its run; without `proof`, nobody vouches for that. */
  continued: optional(object({ plan, proof: optional(continuationProof) })),
})
export type JobTerms = Shaped<typeof terms>
export const parseTermsAnswer = (json: unknown) => parseShape(terms, json, code)
