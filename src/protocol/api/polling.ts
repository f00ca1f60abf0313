// How often a project's source host is asked for what was pushed, and how that goes.
import * as z from 'zod'

export const pollSeconds = z.int().min(30).max(86_400)

export const polling = z.object({
  next_at: z.string(),
  /** When the last look that was answered began. */
  last_at: z.string().nullable(),
  /** Looks in a row that found nothing out. */
  failures: z.number(),
  attempt_id: z.string().nullable(),
  problem: z.string().nullable(),
})
