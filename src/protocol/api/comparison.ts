// Two runs side by side, as the API shows it: only what differs. `before` and `after` are whichever the caller named first
// and second; null: there is nothing on that side.
import * as z from 'zod'
import { cacheHits } from '../stored-object.ts'
import { status } from './runs.ts'

const pairOf = <T extends z.ZodType>(of: T) => z.object({ before: of.nullable(), after: of.nullable() })

export const comparedRun = z.object({
  id: z.string(),
  number: z.number(),
  status,
  commit: z.string(),
  created_at: z.string(),
  queued_ms: z.number().nullable(),
  duration_ms: z.number().nullable(),
  plan_digest: z.string().nullable(),
})

const inPlan = z.object({ workflow: z.string(), job: z.string() })

export const changedField = pairOf(z.string()).extend({
  /** `image`, `env.NAME`, `step.NAME`, `steps` (which there are, and their order) and so on. */
  field: z.string(),
})

/** What a sandbox was, by the receipt of its runner. */
export const comparedSandbox = z.object({ image: z.string().nullable(), isolation: z.string().nullable() })

export const comparedJob = z.object({
  /** null: of no workflow, such as the planning of the run. */
  workflow: z.string().nullable(),
  job: z.string(),
  shard: z.number(),
  /** Of the newest attempt of each; steps are those whose outcome, duration or cache is another. */
  status: pairOf(status),
  queued_ms: pairOf(z.number()),
  duration_ms: pairOf(z.number()),
  sandbox: pairOf(comparedSandbox),
  /** What it used in all, and at its peak. */
  cpu_ms: pairOf(z.number()),
  memory_kib: pairOf(z.number()),
  steps: z.array(
    z.object({
      name: z.string(),
      status: pairOf(status),
      duration_ms: pairOf(z.number()),
      /** Of steps that restore one. */
      cache: pairOf(z.enum(cacheHits)),
    }),
  ),
})
export type ComparedJob = z.infer<typeof comparedJob>

export const comparedTest = z.object({
  job: z.string(),
  file: z.string(),
  class: z.string(),
  name: z.string(),
})
export type ComparedTest = z.infer<typeof comparedTest>

export const comparison = z.object({
  before: comparedRun,
  after: comparedRun,
  plan: z.object({
    added: z.array(inPlan),
    removed: z.array(inPlan),
    changed: z.array(inPlan.extend({ fields: z.array(changedField) })),
  }),
  jobs: z.array(comparedJob),
  tests: z.object({
    newly_failed: z.array(comparedTest),
    no_longer_failed: z.array(comparedTest),
    /** false: one of the runs has more failed tests than are compared. */
    complete: z.boolean(),
  }),
})
export type Comparison = z.infer<typeof comparison>
