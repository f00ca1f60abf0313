// Routes of attempts and their logs.
import * as z from 'zod'
import { attemptAnnotations, condensedLog, failureLine, jobAnnotations } from './annotations.ts'
import { logSearch, logSearchQuery } from './log-search.ts'
import { paging, type Route, route } from './route.ts'
import * as s from './shapes.ts'
import { attemptUsage } from './usage.ts'

const frameNumber = z.coerce
  .number()
  .int()
  .min(0)
  .max(2 ** 31 - 1)
const stepNumber = z.coerce.number().int().min(0).max(0xffff)
const lineNumber = z.coerce.number().int().min(1).max(0xffff_ffff)

export const logRoutes = {
  attempt: route({
    method: 'GET',
    path: '/api/v1/attempts/:attempt',
    access: 'run.view',
    summary: 'One attempt with steps and receipt',
    answer: s.attempt,
  }),
  attemptPin: route({
    method: 'POST',
    path: '/api/v1/attempts/:attempt/pin',
    access: 'log.pin',
    summary: 'Mark a line of the log as the error, instead of the one that is marked',
    body: s.errorPin,
    answer: s.attempt,
  }),
  attemptUnpin: route({
    method: 'DELETE',
    path: '/api/v1/attempts/:attempt/pin',
    access: 'log.pin',
    summary: 'Mark no line as the error',
    answer: s.attempt,
  }),
  attemptUsage: route({
    method: 'GET',
    path: '/api/v1/attempts/:attempt/usage',
    access: 'run.view',
    summary: 'What an attempt used of processor, memory, disk and network, over time',
    answer: attemptUsage,
  }),
  /**
   * `format`: `text` (as a terminal shows it, without colours), `ansi` (as the job wrote it), `html` (a page that needs nothing), `ndjson` (`{step,line,t,text}`; a very
   * long line in pieces, all but the last with `more`) or `frames` (u32 length + FollowerFrame each). Streams while `follow=1`.
   * A part: frames above `after`, with `until` none above it; or lines `from` … `to` of a step, in any format but `frames`. `ansi` takes `Range` once the log is over.
   */
  attemptLog: route({
    method: 'GET',
    path: '/api/v1/attempts/:attempt/log',
    access: 'log.read',
    summary: 'The log of an attempt',
    ranged: true,
    query: z.strictObject({
      format: z.enum(['text', 'ansi', 'html', 'ndjson', 'frames']).default('text'),
      after: frameNumber.default(0),
      until: frameNumber.optional(),
      step: stepNumber.optional(),
      from: lineNumber.optional(),
      to: lineNumber.optional(),
      follow: z.enum(['0', '1']).default('0'),
    }),
    answer: z.string(),
  }),
  attemptAnnotations: route({
    method: 'GET',
    path: '/api/v1/attempts/:attempt/annotations',
    access: 'log.read',
    summary: 'What the log of an attempt says of files: errors, warnings and notices',
    answer: attemptAnnotations,
  }),
  /** Job by job, each with its newest attempt; jobs that say nothing are left out, so a page may be short. */
  runAnnotations: route({
    method: 'GET',
    path: '/api/v1/runs/:run/annotations',
    access: 'log.read',
    summary: 'What the logs of a run say of files, those of failed jobs first',
    query: z.strictObject(paging),
    answer: s.page(jobAnnotations),
  }),
  /** Of the step that a person marked, else of the first that failed. */
  attemptLogFailure: route({
    method: 'GET',
    path: '/api/v1/attempts/:attempt/log/failure',
    access: 'log.read',
    summary: 'The line that tells first why an attempt failed',
    answer: failureLine,
  }),
  /** Of the steps that failed; of an attempt where none did, of the last one. `max_bytes` bounds the text. */
  attemptLogCondensed: route({
    method: 'GET',
    path: '/api/v1/attempts/:attempt/log/condensed',
    access: 'log.read',
    summary: 'What of the log tells why an attempt failed',
    query: z.strictObject({
      max_bytes: z.coerce
        .number()
        .int()
        .min(1024)
        .max(256 * 1024)
        .default(32 * 1024),
    }),
    answer: condensedLog,
  }),
  /** Text, or with `regex=1` a regular expression; both whatever the case unless `case=1`. Bounded: `stopped` says what ended it early. */
  jobLogSearch: route({
    method: 'GET',
    path: '/api/v1/jobs/:job/log/search',
    access: 'log.read',
    summary: 'Lines of the logs of a job that match: of its newest attempt, or of all',
    query: logSearchQuery,
    answer: logSearch,
  }),
  /** To fetch only what is shown. `failure_in` asks where that step first speaks of a failure. */
  attemptLogIndex: route({
    method: 'GET',
    path: '/api/v1/attempts/:attempt/log/index',
    access: 'log.read',
    summary: 'What is in the log of an attempt',
    query: z.strictObject({
      after: frameNumber.default(0),
      failure_in: stepNumber.optional(),
    }),
    answer: s.logIndex,
  }),
} as const satisfies Record<string, Route>
