// Where the time of a run went, as the API shows it: of each attempt its stages, what its caches came to, and how long the job takes
// when they are warm.
import * as z from 'zod'
import { stage } from './runs.ts'

export const attemptTimeline = z.object({
  attempt_id: z.string(),
  job_id: z.string(),
  stages: z.array(stage),
  /** Steps that restored a cache, and steps that found none. */
  cache: z.object({ hits: z.number(), misses: z.number() }),
  /**
   * Of an attempt that found none: how long the same job usually takes when it finds all it asks for, by the runs before this one.
   * null: it missed nothing, or too few are known.
   */
  warm_ms: z.number().nullable(),
})
export type AttemptTimeline = z.infer<typeof attemptTimeline>

export const runTimeline = z.object({ items: z.array(attemptTimeline) })
export type RunTimeline = z.infer<typeof runTimeline>
