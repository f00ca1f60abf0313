// Files that jobs stored for people, as the API shows them.
import { z } from 'zod'

export const artifact = z.object({
  /** For its own address; nothing else to people. */
  id: z.string(),
  job: z.object({
    id: z.string(),
    name: z.string(),
    shard: z.number(),
    shards: z.number(),
    attempt: z.number(),
  }),
  path: z.string(),
  size: z.number(),
  sha256: z.string(),
  created_at: z.string(),
  expires_at: z.string(),
})
export type Artifact = z.infer<typeof artifact>
