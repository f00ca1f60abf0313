// What an attempt used over time, as the API tells it.
import * as z from 'zod'

const limits = z.object({ cpu_milli: z.number(), memory_kib: z.number(), disk_kib: z.number() })

export const attemptUsage = z.object({
  /** null: the attempt was too short, or it is under way and nobody has watched it yet. */
  series: z
    .object({
      started_at: z.string(),
      /** How long each point is; every list below is as long as this one. */
      duration_ms: z.array(z.number()),
      /** Thousandths of a core, the mean of each point; null where the runner cannot count it. */
      cpu_milli: z.array(z.number()).nullable(),
      /** Of processes, the most in each point; null as above. */
      memory_kib: z.array(z.number()).nullable(),
      /** Of the disk in memory. */
      disk_kib: z.array(z.number()),
      sent_bytes: z.array(z.number()),
      received_bytes: z.array(z.number()),
      /** Of its class. */
      limits,
    })
    .nullable(),
  /** When the attempt has ended: over its whole life, as the kernel counted. Memory and processor are 0 where nobody counts them. */
  peak: z
    .object({
      memory_kib: z.number(),
      disk_kib: z.number(),
      processes: z.number(),
      cpu_ms: z.number(),
      throttled_ms: z.number(),
      oom_kills: z.number(),
      sent_bytes: z.number(),
      received_bytes: z.number(),
    })
    .nullable(),
  /** What the series says about the class; null without one. */
  verdict: z
    .object({
      word: z.enum(['fits', 'smaller', 'larger', 'unmeasured']),
      smaller: z.string().nullable(),
      memory_percent: z.number().nullable(),
      disk_percent: z.number(),
      cpu_percent: z.number().nullable(),
    })
    .nullable(),
})
export type AttemptUsage = z.infer<typeof attemptUsage>
