// Files that jobs stored for people, as the API shows them.
import * as z from 'zod'
import { expiredOfJob, jobOfAttempt } from './expired.ts'

export const artifact = z.object({
  /** For its own address; nothing else to people. */
  id: z.string(),
  job: jobOfAttempt,
  path: z.string(),
  size: z.number(),
  sha256: z.string(),
  created_at: z.string(),
  expires_at: z.string(),
})
export const artifactPage = z.object({
  items: z.array(artifact),
  next_cursor: z.string().nullable(),
  /** Attempts whose artifacts retention removed; told with the first page. */
  expired: z.array(expiredOfJob),
})
export type Artifact = z.infer<typeof artifact>
