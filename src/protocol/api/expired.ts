// What retention removed, as the API shows it.
import * as z from 'zod'

/** The job of something that an attempt stored, and which attempt. */
export const jobOfAttempt = z.object({
  id: z.string(),
  name: z.string(),
  shard: z.number(),
  shards: z.number(),
  attempt: z.number(),
})

export const expired = z.object({
  removed_at: z.string(),
  /** The rule: for how many days such things are kept. */
  days: z.number(),
})
export type ExpiredThing = z.infer<typeof expired>

export const expiredOfJob = expired.extend({ job: jobOfAttempt })
export type ExpiredOfJob = z.infer<typeof expiredOfJob>
