// Routes of the audit log: who did what, when, and what came of it.
import * as z from 'zod'
import { paging, type Route, route } from './route.ts'
import { page } from './shapes.ts'

const id = z.string()
const time = z.string()

export const auditActorKinds = ['user', 'token', 'host', 'service', 'operator', 'support'] as const
export const auditResults = ['ok', 'denied', 'error'] as const

export const auditEntry = z.object({
  id,
  at: time,
  /** What is no longer there keeps its id as its name; `-` is a stranger at the sign-in page. */
  actor: z.object({ kind: z.enum(auditActorKinds), id: z.string(), name: z.string() }),
  /** `session.start`, `secret.put`, `run.cancel` … */
  action: z.string(),
  /** What it was done to: an id, or `-`. */
  target: z.string(),
  project: z.object({ id, name: z.string() }).nullable(),
  run_id: id.nullable(),
  result: z.enum(auditResults),
  /** The number of the error when it was refused. */
  code: z.string().nullable(),
  /** Ids, numbers and words of ours; no secret and no text of anybody else. */
  facts: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()])),
})
export type AuditEntry = z.infer<typeof auditEntry>

export const auditRoutes = {
  audit: route({
    method: 'GET',
    path: '/api/v1/audit',
    access: 'audit.read',
    summary: 'Who did what, newest first; with filters a page may be short and have one after it',
    ofAll: true,
    query: z.strictObject({
      ...paging,
      /** One, or what several begin with: `secret`, `secret.put`. */
      action: z
        .string()
        .max(64)
        .regex(/^[a-z][a-z.-]*$/)
        .optional(),
      /** The id of a person, a token, a runner … */
      actor: z.string().max(128).optional(),
      target: z.string().max(256).optional(),
      /** Id or name. */
      project: z.string().max(128).optional(),
      result: z.enum(auditResults).optional(),
      /** Since then, and until then: so long ago (`7d`), a day (`2026-11-01`, in UTC) or a moment (`2026-11-01T09:30Z`). */
      since: z.string().max(40).optional(),
      until: z.string().max(40).optional(),
    }),
    answer: page(auditEntry),
  }),
} as const satisfies Record<string, Route>
