// What was found in the logs of a job, as the API shows it. Text of a log is a job's: hostile until shown as text.
import * as z from 'zod'
import { ordinal } from './route.ts'
import { status } from './runs.ts'

export const logSearchQuery = z.strictObject({
  q: z.string().min(1).max(500),
  regex: z.enum(['0', '1']).default('0'),
  case: z.enum(['0', '1']).default('0'),
  attempts: z.enum(['newest', 'all']).default('newest'),
  /** The number of one that is left out: whoever reads it has looked there. */
  except: ordinal.optional(),
})

export const logSearch = z.object({
  job_id: z.string(),
  /** The newest first; those after what `stopped` speaks of were not looked at, and are not here. */
  attempts: z.array(
    z.object({
      attempt: z.object({ id: z.string(), number: z.number(), status }),
      /** Lines that match, also those that there was no room for. */
      count: z.number(),
      /** Whether all of its log was looked at. */
      whole: z.boolean(),
      /** Retention removed it. */
      expired: z.boolean(),
      lines: z.array(
        z.object({
          step: z.object({ index: z.number(), name: z.string() }),
          line: z.number(),
          text: z.string(),
          /** Where in `text` it is. */
          from: z.number(),
          to: z.number(),
        }),
      ),
    }),
  ),
  /** Which bound ended the search before all was looked at. */
  stopped: z.enum(['time', 'memory', 'bytes', 'attempts']).nullable(),
})
export type LogSearchAnswer = z.infer<typeof logSearch>
