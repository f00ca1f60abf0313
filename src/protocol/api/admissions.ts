// Projects that a signer has admitted to contexts for every project, in the HTTP API (zod twins of protocol/admission-verbs.ts and
// protocol/statement.ts, which the vault checks by itself).
import * as z from 'zod'
import { admissionStates } from '../admission-verbs.ts'
import { admittedAtOnceMax } from '../statement.ts'
import { signedBy } from './secrets.ts'

const id = z.string().max(40)
/** As the vault has it pinned: where Git connects to, or a directory below one of the runner's own (`--local-repos`, counted from 0). */
const pinnedSource = z.union([
  z.strictObject({
    kind: z.literal('ssh'),
    url: z.string().max(256),
    host: z.string().max(253),
    port: z.number().int(),
    user: z.string().max(64),
    path: z.string().max(256),
  }),
  z.strictObject({ kind: z.literal('local'), root: z.number().int(), path: z.string().max(256) }),
])
export type PinnedSource = z.infer<typeof pinnedSource>
const hostKeys = z.array(z.string().max(50)).max(16)

export const admission = z.object({
  project: z.object({ id, name: z.string() }),
  source: pinnedSource,
  /** Fingerprints. */
  host_keys: hostKeys,
  /** `changed`: admitted, and its source or a host key is another one since. */
  state: z.enum(admissionStates),
  /** Who admitted it; null: nobody, or it was there before projects were admitted. */
  signer: z.object({ id, name: z.string() }).nullable(),
})
export type Admission = z.infer<typeof admission>

export const admissions = z.object({
  projects: z.array(admission),
  /** `prev` of the next statement. */
  head: z.string().nullable(),
})
export type Admissions = z.infer<typeof admissions>

export const admissionsSet = signedBy(
  z.literal('project.admit'),
  z.strictObject({
    admit: z
      .array(z.strictObject({ project: id, source: pinnedSource, host_keys: hostKeys }))
      .max(admittedAtOnceMax),
    withdraw: z.array(id).max(admittedAtOnceMax),
  }),
)
export type AdmissionsSet = z.infer<typeof admissionsSet>
