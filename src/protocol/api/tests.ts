// Results of tests that jobs stored, as the API shows them.
import * as z from 'zod'
import { testOutcomes } from '../test-results.ts'
import { expired, expiredOfJob, jobOfAttempt } from './expired.ts'

export const testOutcome = z.enum(testOutcomes)

/** What the tests of a job came to, in its newest attempt that stored any results. */
export const testSummary = z.object({
  job: jobOfAttempt,
  failed: z.number(),
  skipped: z.number(),
  passed: z.number(),
  duration_ms: z.number(),
})
export type TestSummary = z.infer<typeof testSummary>

export const testSummaryPage = z.object({
  items: z.array(testSummary),
  next_cursor: z.string().nullable(),
  /** Attempts whose results retention removed; told with the first page. */
  expired: z.array(expiredOfJob),
})

/** Words are a job's own; empty where its report says nothing. */
export const testResult = z.object({
  outcome: testOutcome,
  name: z.string(),
  class: z.string(),
  file: z.string(),
  duration_ms: z.number(),
  message: z.string(),
})
export type TestResult = z.infer<typeof testResult>

export const testPage = z.object({
  /** null: there are none. */
  summary: testSummary.nullable(),
  /** There were some, and retention removed them; null: it did not. */
  expired: expired.nullable(),
  items: z.array(testResult),
  next_cursor: z.string().nullable(),
})
export type TestPage = z.infer<typeof testPage>
