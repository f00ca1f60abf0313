// Objects of the HTTP API about runs: runs, jobs, attempts, steps and their logs, and why one waits.
import * as z from 'zod'
import { givableName } from '../pipeline-parameters.ts'
import { cacheHits } from '../stored-object.ts'
import { placeOfText } from './configurations.ts'
import { expired } from './expired.ts'

export const status = z.enum([
  'waiting',
  'queued',
  'on_hold',
  'running',
  'passed',
  'unstable',
  'failed',
  'timed_out',
  'errored',
  'cancelled',
  'skipped',
])
export type Status = z.infer<typeof status>

const time = z.string()
const id = z.string()

export const problem = z.object({
  code: z.string(),
  severity: z.enum(['error', 'warning', 'note']),
  message: z.string(),
  at: placeOfText.nullable(),
  frame: z.array(z.object({ line: z.number(), text: z.string() })),
  help: z.string().nullable(),
})

/** Who did something: `usr_…`, `tok_…`, `operator`, or a part of the server. */
export const actor = z.object({ id, name: z.string() })
export type Actor = z.infer<typeof actor>

export const runEventKinds = ['push', 'manual', 'schedule', 'local'] as const

export const runEvent = z.object({
  kind: z.string(),
  ref: z.string(),
  branch: z.string().nullable(),
  tag: z.string().nullable(),
  commit: z.string(),
  subject: z.string().nullable(),
  author: z.string().nullable(),
})

/** Why a thing is where it is: code of experience.md §1.7 "Why queued", in words, with the thing it waits for. */
export const reason = z.object({
  code: z.string(),
  text: z.string(),
  job_id: id.nullable(),
  /** Of a queued job: when it will likely begin, from now. Left out when nobody can tell. */
  expected_ms: z.object({ from: z.number(), to: z.number() }).optional(),
})

export const runSummary = z.object({
  id,
  number: z.number(),
  rev: z.number(),
  project: z.object({ id, name: z.string() }),
  status,
  event: runEvent,
  /** `continued`: it came with what the run went on with after a setup configuration. */
  workflows: z.array(z.object({ id, name: z.string(), status, continued: z.boolean() })),
  created_at: time,
  started_at: time.nullable(),
  finished_at: time.nullable(),
  queued_ms: z.number().nullable(),
  duration_ms: z.number().nullable(),
  /** Median duration of the last passed runs of this project; null when there are none. */
  usual_ms: z.number().nullable(),
  /** The first error, for the row: configuration problem or first failing step. */
  headline: z.string().nullable(),
  /** Who wanted its end; with the run of a later push to its branch, when it was a rule of the project. */
  cancelled: z
    .object({ by: actor, superseded_by: z.object({ id, number: z.number() }).nullable() })
    .nullable(),
  /** When it had ended and somebody wanted it again; `queued_ms` and `duration_ms` count from there. */
  rerun: z.object({ at: time, by: actor }).nullable(),
  /** How often it was carried out, or a part of it: one more than its reruns. */
  attempts: z.number(),
})
export type RunSummary = z.infer<typeof runSummary>

export const step = z.object({
  index: z.number(),
  name: z.string(),
  type: z.string(),
  status,
  started_at: time.nullable(),
  finished_at: time.nullable(),
  duration_ms: z.number().nullable(),
  exit_code: z.number().nullable(),
  message: z.string().nullable(),
  leftovers: z.number(),
  /** Of a step that restores a cache: found under a whole key, by how a key begins, or none. null: it restores none, or nobody told. */
  cache: z.enum(cacheHits).nullable(),
})
export type Step = z.infer<typeof step>

export const attemptSummary = z.object({
  id,
  number: z.number(),
  /** The first of its job, a retry after our own failure, or wanted by somebody. */
  cause: z.enum(['start', 'retry', 'rerun']),
  status,
  /** What it was queued for: a size, or a name that a runner offers. */
  class: z.string(),
  runner: z.object({ id, name: z.string() }).nullable(),
  phase: z.string().nullable(),
  queued_at: time,
  started_at: time.nullable(),
  finished_at: time.nullable(),
  duration_ms: z.number().nullable(),
  failure: z.object({ code: z.string().nullable(), message: z.string() }).nullable(),
})
export type AttemptSummary = z.infer<typeof attemptSummary>

export const approval = z.object({
  /** `expired`: nobody answered in time. */
  decision: z.enum(['approved', 'rejected', 'expired']),
  by: actor,
  at: time,
  comment: z.string().nullable(),
})
export type Approval = z.infer<typeof approval>

/** Of a job that waits for a person: what its project asks for, and what that means for whoever looks. */
export const jobApproval = z.object({
  /** So many different people, ... */
  people: z.number(),
  /** ... who did not begin the run, want it again or write its commit, ... */
  not_self: z.boolean(),
  /** ... and have at least this role. */
  role: z.enum(['owner', 'developer']),
  /** How many have, by the rules and roles of now. */
  given: z.number(),
  /** Who is still asked for, in words. */
  rest: z.string(),
  /** Why you may not approve it; null: you may. */
  refusal: z.string().nullable(),
  /** Who may; null: not told to tokens. */
  who: z.array(z.object({ id, name: z.string() })).nullable(),
})
export type JobApproval = z.infer<typeof jobApproval>

export const job = z.object({
  id,
  rev: z.number(),
  workflow_id: id.nullable(),
  key: z.string(),
  name: z.string(),
  kind: z.string(),
  status,
  reason: reason.nullable(),
  needs: z.array(z.object({ job_id: id, on: z.array(z.string()) })),
  shard: z.number(),
  shards: z.number(),
  image: z.string().nullable(),
  /** What its next attempt is queued for. */
  class: z.string(),
  attempts: z.array(attemptSummary),
  /** What people decided about it, oldest first; empty for jobs that ask nobody. */
  approvals: z.array(approval),
})
export type Job = z.infer<typeof job>

/** Names and values for the parameters that a pipeline declares; the compiler checks their types. */
export const pipelineParameters = z
  .record(
    z.string().regex(givableName),
    z.union([
      z.boolean(),
      z.int(),
      z
        .string()
        .max(512)
        .refine((text) => text.isWellFormed() && !text.includes('\u0000'), 'not text'),
    ]),
  )
  .refine((all) => Object.keys(all).length <= 100, 'at most 100 parameters')
export type PipelineParameters = z.infer<typeof pipelineParameters>

/** As a configuration declares it. `default` null: it depends on the run. */
export const declaredParameter = z.object({
  name: z.string(),
  type: z.enum(['string', 'boolean', 'integer', 'enum']),
  default: z.union([z.string(), z.number(), z.boolean()]).nullable(),
  options: z.array(z.string()).optional(),
  description: z.string().optional(),
})

/** `parameters` null: not known. `run`: whose plan tells; null: none of that ref has one. */
export const declaredParameters = z.object({
  ref: z.string(),
  run: z.object({ id, number: z.number(), commit: z.string(), created_at: time }).nullable(),
  parameters: z.array(declaredParameter).nullable(),
})
export type DeclaredParameters = z.infer<typeof declaredParameters>

export const run = runSummary.extend({
  jobs: z.array(job),
  problems: z.array(problem),
  plan_digest: z.string().nullable(),
  /** What whoever started it gave its pipeline. */
  parameters: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
  /** The run that the plan was made for, when its inputs were the same and nothing had to be planned anew. */
  plan_of: z.object({ id, number: z.number() }).nullable(),
  /** Of a setup configuration: what the run went on with. The outer null: an ordinary run; the inner one: nothing, so far. */
  setup: z
    .object({ continued: z.object({ job_id: id, at: time, plan_digest: z.string() }).nullable() })
    .nullable(),
  /** How many files it is about, as `GET /runs/:run/changes` names them; null: nobody can tell. */
  changed_files: z
    .object({
      count: z.number(),
      /** There are others, which were not looked at. */
      more: z.boolean(),
    })
    .nullable(),
  delivery_id: id.nullable(),
  /** The schedule of the project that began it, as it was called then. */
  schedule: z.object({ id, name: z.string() }).nullable(),
})
export type Run = z.infer<typeof run>

/** Where the time of an attempt went beside its steps: each until the next begins. */
export const stage = z.object({
  name: z.enum(['queue', 'sandbox', 'checkout', 'prepare', 'steps', 'save', 'teardown']),
  started_at: z.string(),
  /** null while it lasts. */
  duration_ms: z.number().nullable(),
})

/** null: nobody can tell. `of`: what the push changed, or, where it is not known what was there before, the commit. */
export const runChangedFiles = z.object({
  changes: z
    .object({
      base: z.string(),
      of: z.enum(['push', 'commit']),
      files: z.array(z.object({ path: z.string(), change: z.enum(['added', 'changed', 'removed']) })),
      /** There are others, which were not looked at. */
      more: z.boolean(),
    })
    .nullable(),
})
export type RunChangedFiles = z.infer<typeof runChangedFiles>

/** The line that somebody marked as the error of an attempt. */
export const pinnedError = z.object({ step: z.number(), line: z.number(), by: actor, at: time })
export type PinnedError = z.infer<typeof pinnedError>

export const errorPin = z.strictObject({
  step: z.int().min(0).max(0xffff),
  line: z.int().min(1).max(0xffff_ffff),
})

export const attempt = attemptSummary.extend({
  job_id: id,
  /** null for an attempt that contacted a source host (`refs`). */
  run_id: id.nullable(),
  /** Who asked for its end, whether or not it has come; null: nobody. */
  cancelled_by: actor.nullable(),
  steps: z.array(step),
  stages: z.array(stage),
  /** When its runner was last heard to renew its lease; null: never, or before this was kept. */
  renewed_at: time.nullable(),
  pinned: pinnedError.nullable(),
  /** Highest frame that is stored; the log is complete when `log_complete`. */
  last_seq: z.number(),
  log_complete: z.boolean(),
  /** Retention removed the log; null: it did not. */
  log_expired: expired.nullable(),
  notes: z.array(z.string()),
  /** The claims of the runner's signed receipt, and whether its signature fits the enrolled key. */
  receipt: z
    .object({ claims: z.record(z.string(), z.unknown()), verified: z.boolean(), jws: z.string() })
    .nullable(),
})
export type Attempt = z.infer<typeof attempt>

/** A part of a log that is fetched as one: the lines of `step` from `first_line` on, in its frames `seq_from` … `seq_to`. */
export const logChunk = z.object({
  step: z.number(),
  first_line: z.number(),
  /** Line ends inside; the chunk may begin and end within a line. */
  lines: z.number(),
  seq_from: z.number(),
  seq_to: z.number(),
  t_ms: z.number(),
  /** As it is stored. */
  bytes: z.number(),
})
export type LogChunk = z.infer<typeof logChunk>

export const logIndex = z.object({
  /** No further frame will come. */
  complete: z.boolean(),
  last_seq: z.number(),
  chunks: z.array(logChunk),
  /** The first line of the step asked about that speaks of a failure; null: none does, it still runs, or nobody asked. */
  first_failure: z.number().nullable(),
})
export type LogIndex = z.infer<typeof logIndex>
