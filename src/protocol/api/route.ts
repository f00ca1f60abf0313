// What an entry of the route table is.
import * as z from 'zod'

/** Verbs of trust-model.md §5.7; `public` needs no session, `session` any signed-in person, `operator` the local socket. */
export type Access =
  | 'public'
  | 'session'
  | 'operator'
  | 'project.view'
  | 'project.manage'
  | 'run.view'
  | 'log.read'
  | 'log.pin'
  | 'run.trigger'
  | 'run.cancel'
  | 'organisation.manage'
  | 'run.rerun'
  | 'run.approve'
  | 'runner.view'
  | 'metrics.read'
  | 'token.own'
  | 'secret.meta'
  | 'secret.put'
  | 'secret.revoke'
  | 'context.manage'
  | 'signer.manage'
  | 'member.manage'
  | 'audit.read'

export type Route = {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE'
  readonly path: string
  readonly access: Access
  readonly summary: string
  /** About more than projects: nothing for a token that is limited to some. */
  readonly ofAll?: true
  readonly query?: z.ZodObject
  readonly body?: z.ZodType
  readonly answer: z.ZodType
  /** A session must have been proven within ten minutes: nobody does this in a browser that somebody left open. */
  readonly provenAnew?: true
  /** The body is what somebody proves who they are with: not even a digest of it is kept for an Idempotency-Key. */
  readonly takesCredential?: true
  /** A stream of which `Range` names a part: its handler hears of the header. */
  readonly ranged?: true
  /** Its ETag is what PATCH and DELETE of the same address take as `If-Match`. */
  readonly versioned?: true
  /** The answer holds a secret that is shown once: it is never kept. */
  readonly showsSecret?: true
  /** Whatever else the body is, it may be a secret somebody sent open: E_PLAINTEXT, and nothing is said about it. */
  readonly onlySealed?: true
}

/** Of lists that can be read from their other end, too; a minus: from the newest on. */
export const sorting = { sort: z.enum(['-created_at', 'created_at']).default('-created_at') }

/** Of every list. */
export const paging = {
  limit: z.coerce.number().int().min(1).max(100).default(50),
  cursor: z.string().max(600).optional(),
}

/** The number of a run, or of an attempt: a column of 32 bits. */
export const ordinal = z.coerce
  .number()
  .int()
  .min(1)
  .max(2 ** 31 - 1)

export const route = <const R extends Route>(r: R): R => r
