// The routes of what jobs stored for people: artifacts and results of tests; part of the table in routes.ts.
import * as z from 'zod'
import { artifactPage } from './artifacts.ts'
import { ordinal, paging, type Route, route } from './route.ts'
import { testOutcome, testPage, testSummaryPage } from './tests.ts'

export const storedRoutes = {
  runArtifacts: route({
    method: 'GET',
    path: '/api/v1/runs/:run/artifacts',
    access: 'log.read',
    summary: 'The artifacts of a run',
    query: z.strictObject(paging),
    answer: artifactPage,
  }),
  artifact: route({
    method: 'GET',
    path: '/api/v1/artifacts/:artifact',
    access: 'log.read',
    summary: 'The bytes of an artifact, always as an attachment',
    answer: z.string(),
  }),
  runTests: route({
    method: 'GET',
    path: '/api/v1/runs/:run/tests',
    access: 'log.read',
    summary: 'What the tests of a run came to, by job',
    query: z.strictObject(paging),
    answer: testSummaryPage,
  }),
  jobTests: route({
    method: 'GET',
    path: '/api/v1/jobs/:job/tests',
    access: 'log.read',
    summary:
      'The results of the tests of one attempt of a job: failed ones first, of each outcome the longest first',
    query: z.strictObject({
      ...paging,
      /** Its number; without it the newest that stored any. */
      attempt: ordinal.optional(),
      outcome: testOutcome.optional(),
      /** Part of a name, class or file. */
      q: z.string().max(200).optional(),
    }),
    answer: testPage,
  }),
} as const satisfies Record<string, Route>
