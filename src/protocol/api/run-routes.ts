// Routes of runs: list, start, look, and everything a person may do with a run, a workflow or a job.
import * as z from 'zod'
import { classNames } from '../resource-class.ts'
import { ordinal, paging, type Route, route, sorting } from './route.ts'
import * as s from './shapes.ts'
import { runTimeline } from './timeline.ts'
import { runWorkspaces } from './workspaces.ts'

const decision = z.strictObject({ comment: z.string().trim().min(1).max(500).optional() })

export const runRoutes = {
  runs: route({
    method: 'GET',
    path: '/api/v1/runs',
    access: 'run.view',
    summary: 'Runs, newest first',
    query: z.strictObject({
      ...paging,
      ...sorting,
      project: z.string().optional(),
      status: s.status.optional(),
      branch: z.string().max(255).optional(),
      commit: z.string().max(64).optional(),
      /** What it came of. */
      event: z.enum(s.runEventKinds).optional(),
      /** As the row names whoever wrote the commit. */
      author: z.string().max(255).optional(),
      /** The one run of `project` with this number: how an address (`/acme/web/runs/412`) finds its run. */
      number: ordinal.optional(),
      /** Made since then, and until then: so long ago (`7d`), a day (`2026-11-01`, in UTC) or a moment (`2026-11-01T09:30Z`). */
      since: z.string().max(40).optional(),
      until: z.string().max(40).optional(),
      /** A job of it went to runners of this class, or waits for one. Looked for among 2,000 runs for each page. */
      class: z.string().max(100).optional(),
      /** Started by who asks, or of a commit by their name or address. */
      mine: z.literal('yes').optional(),
    }),
    answer: s.page(s.runSummary),
  }),
  runStart: route({
    method: 'POST',
    path: '/api/v1/runs',
    access: 'run.trigger',
    summary: 'Start a run of a branch or tag',
    body: z.strictObject({
      project: z.string(),
      ref: z.string().max(255).optional(),
      commit: z.string().max(64).optional(),
      parameters: s.pipelineParameters.optional(),
    }),
    answer: s.run,
  }),
  run: route({
    method: 'GET',
    path: '/api/v1/runs/:run',
    access: 'run.view',
    summary: 'One run with its jobs',
    answer: s.run,
  }),
  runWait: route({
    method: 'GET',
    path: '/api/v1/runs/:run/wait',
    access: 'run.view',
    summary: 'Answers when the run has its verdict; 408 when the time is over first: ask again',
    query: z.strictObject({
      /** Seconds. */
      timeout: z.coerce.number().int().min(0).max(300).default(50),
      /** With `pass`, a run that ended in another way is a 409. */
      must: z.enum(['pass']).optional(),
    }),
    answer: s.runSummary,
  }),
  runCompare: route({
    method: 'GET',
    path: '/api/v1/runs/:run/compare',
    access: 'log.read',
    summary:
      'What differs between this run and another one of its project: plan, durations, sandboxes, failed tests',
    query: z.strictObject({
      /** The id of the other run, which counts as the later one. */
      with: z.string().max(64),
    }),
    answer: s.comparison,
  }),
  runChanges: route({
    method: 'GET',
    path: '/api/v1/runs/:run/changes',
    access: 'log.read',
    summary: 'The files that a run is about, as far as its planner could tell',
    answer: s.runChangedFiles,
  }),
  runTimeline: route({
    method: 'GET',
    path: '/api/v1/runs/:run/timeline',
    access: 'run.view',
    summary: 'Where the time of a run went: of each attempt its stages, and what its caches came to',
    answer: runTimeline,
  }),
  runWorkspaces: route({
    method: 'GET',
    path: '/api/v1/runs/:run/workspaces',
    access: 'run.view',
    summary:
      'What the jobs of a run hand on as files: who persists to the workspace, who attaches it, and how much',
    answer: runWorkspaces,
  }),
  runConfig: route({
    method: 'GET',
    path: '/api/v1/runs/:run/config',
    access: 'log.read',
    summary: 'What a run was planned from and as what, line by line with the place that shaped each',
    answer: s.runConfig,
  }),
  runCancel: route({
    method: 'POST',
    path: '/api/v1/runs/:run/cancel',
    access: 'run.cancel',
    summary: 'Cancel a run',
    body: z.strictObject({}),
    answer: s.run,
  }),
  runRerun: route({
    method: 'POST',
    path: '/api/v1/runs/:run/rerun',
    access: 'run.rerun',
    summary:
      'Carry out again, by the same plan, all jobs or those that did not pass, of these perhaps only the tests that failed',
    body: z.strictObject({ jobs: z.enum(['all', 'failed', 'failed-tests']).default('all') }),
    answer: s.run,
  }),
  workflowCancel: route({
    method: 'POST',
    path: '/api/v1/workflows/:workflow/cancel',
    access: 'run.cancel',
    summary: 'Cancel one workflow of a run',
    body: z.strictObject({}),
    answer: s.run,
  }),
  jobCancel: route({
    method: 'POST',
    path: '/api/v1/jobs/:job/cancel',
    access: 'run.cancel',
    summary: 'Cancel one job of a run',
    body: z.strictObject({}),
    answer: s.run,
  }),
  jobRerun: route({
    method: 'POST',
    path: '/api/v1/jobs/:job/rerun',
    access: 'run.rerun',
    summary: 'Carry out one job again, in another size when `class` names one',
    body: z.strictObject({ class: z.enum(classNames).optional() }),
    answer: s.run,
  }),
  jobApproval: route({
    method: 'GET',
    path: '/api/v1/jobs/:job/approval',
    access: 'run.view',
    summary: 'Who may approve what waits for a person, and why you may not',
    answer: s.jobApproval,
  }),
  jobApprove: route({
    method: 'POST',
    path: '/api/v1/jobs/:job/approve',
    access: 'run.approve',
    summary: 'Let go on what waits for a person',
    body: decision,
    answer: s.run,
  }),
  jobReject: route({
    method: 'POST',
    path: '/api/v1/jobs/:job/reject',
    access: 'run.approve',
    summary: 'Stop what waits for a person',
    body: decision,
    answer: s.run,
  }),
} as const satisfies Record<string, Route>
