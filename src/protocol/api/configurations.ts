// What the API tells of configurations: what became of each of their parts, and which plan a run was made of.
import * as z from 'zod'
import { verdicts } from '../constructs.ts'

const place = z.object({ file: z.string(), line: z.number(), column: z.number() })
export const placeOfText = place.extend({ length: z.number() })

export const lintRequest = z.strictObject({
  files: z.record(z.string().max(300), z.string().max(3 * 1024 * 1024)),
  /** With what becomes of every construct of the files. */
  report: z.boolean().optional(),
})

/** What became of a part of a configuration. */
export const construct = z.object({
  what: z.string(),
  verdict: z.enum(verdicts),
  /** To what, or why; null when it is honoured. */
  text: z.string().nullable(),
  instead: z.string().nullable(),
  at: placeOfText,
})
export type Construct = z.infer<typeof construct>

const planLine = z.object({
  /** Levels. */
  indent: z.number(),
  text: z.string(),
  /** What of the configuration shaped it; null: a line before did. */
  at: place.nullable(),
  /** The invocations through which it came, innermost first. */
  via: z.array(place),
})

/** The plans of a run: its own, and the one that it went on with. */
export const runConfig = z.object({
  plans: z.array(
    z.object({
      continued: z.boolean(),
      digest: z.string(),
      sources: z.array(z.object({ path: z.string(), sha256: z.string() })),
      workflows: z.array(
        z.object({
          name: z.string(),
          jobs: z.array(z.object({ name: z.string(), lines: z.array(planLine) })),
        }),
      ),
    }),
  ),
})
export type RunConfig = z.infer<typeof runConfig>
