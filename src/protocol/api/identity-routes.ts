// The routes of identity tokens; part of the table in routes.ts.
import * as z from 'zod'
import { type Route, route } from './route.ts'

/** What a cloud has to be told, and nothing that it may not know. */
export const projectIdentity = z.object({
  issuer: z.string(),
  /** The server itself answers for the issuer: whoever breaks into it could be any job. */
  served_here: z.boolean(),
  audience: z.string(),
  /** As tokens name it. */
  project_uuid: z.string(),
  ref: z.string(),
  subject: z.string(),
  /** With the place of the source and the ref; null: these have a name that could be taken for another subject. */
  subject_v2: z.string().nullable(),
  /** Thumbprints of the public keys, newest first. */
  key_ids: z.array(z.string()),
})
export type ProjectIdentity = z.infer<typeof projectIdentity>

export const identityRoutes = {
  projectIdentity: route({
    method: 'GET',
    path: '/api/v1/projects/:project/identity',
    access: 'project.view',
    summary: 'What identity tokens of its jobs say, of runs on one ref',
    query: z.strictObject({
      /** A full ref; default: the default branch. */
      ref: z
        .string()
        .max(255)
        .regex(/^refs\/(heads|tags)\/[^\s\p{C}]+$/u)
        .optional(),
    }),
    answer: projectIdentity,
  }),
} as const satisfies Record<string, Route>
