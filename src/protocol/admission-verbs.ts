// Verbs of the vault about which projects a signer has admitted to contexts for every project; part of the table in vault.ts.
import { id, list, nullable, object, oneOf, optional, type Shaped } from '../base/shape.ts'
import { source } from './project-source.ts'
import {
  admissionsListedMax,
  countersignature,
  digest,
  hostKeyFingerprints,
  statement as signedStatement,
  statementProof,
} from './statement.ts'

const org = id('organisation')

/** `changed`: it was admitted, and its source or a host key is another one since. */
export const admissionStates = ['admitted', 'changed', 'none'] as const

const projectAdmission = object({
  project: id('project'),
  /** What the vault has pinned, and a statement would admit. */
  source,
  hostKeys: hostKeyFingerprints,
  state: oneOf(...admissionStates),
  /** Who admitted it; null: nobody, or it was there before projects were admitted. */
  signer: nullable(id('signer')),
})
export type ProjectAdmission = Shaped<typeof projectAdmission>
const admissions = object({
  projects: list(projectAdmission, { max: admissionsListedMax }),
  /** Of the last statement about it; null: there was none. */
  head: nullable(digest),
})
export type Admissions = Shaped<typeof admissions>

export const admissionVerbs = {
  'project.admissions': { sockets: ['server'], request: object({ org }), answer: admissions },
  'project.admit': {
    sockets: ['server'],
    request: object({
      org,
      statement: signedStatement,
      proof: statementProof,
      second: optional(countersignature),
    }),
    answer: admissions,
  },
} as const
