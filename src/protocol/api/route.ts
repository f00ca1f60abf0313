// What an entry of the route table is.
import type { z } from 'zod'

/** Verbs of trust-model.md §5.7; `public` needs no session, `session` any signed-in person, `operator` the local socket. */
export type Access =
  | 'public'
  | 'session'
  | 'operator'
  | 'project.view'
  | 'project.manage'
  | 'run.view'
  | 'log.read'
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
  | 'signer.manage'
  | 'member.manage'

export type Route = {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE'
  readonly path: string
  readonly access: Access
  readonly summary: string
  readonly query?: z.ZodObject
  readonly body?: z.ZodType
  readonly answer: z.ZodType
  /** The answer holds a secret that is shown once: it is never kept. */
  readonly showsSecret?: true
  /** Whatever else the body is, it may be a secret somebody sent open: E_PLAINTEXT, and nothing is said about it. */
  readonly onlySealed?: true
}

export const route = <const R extends Route>(r: R): R => r
