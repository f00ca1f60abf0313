// The objects of the HTTP API as zod schemas: requests are refused on unknown fields, answers are serialised by them.
// snake_case, RFC 3339 times, durations `*_ms`, prefixed ids. Web and CLI take their types from here (`import type`).
import { z } from 'zod'
import { placeOfText } from './configurations.ts'
import { polling, pollSeconds } from './polling.ts'

export * from './configurations.ts'
export * from './people.ts'

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

/** RFC 9457. */
export const problemJson = z.object({
  /** The page of this code, on this installation. */
  type: z.string(),
  title: z.string(),
  status: z.number(),
  detail: z.string(),
  instance: z.string(),
  code: z.string(),
  request_id: z.string(),
  errors: z.array(z.object({ pointer: z.string(), detail: z.string() })).optional(),
  hint: z.string().optional(),
})
export type ProblemJson = z.infer<typeof problemJson>

/** A kind of error, or of problem in a configuration: what the page of its code says. */
export const errorKind = z.object({
  code: z.string(),
  symbol: z.string(),
  severity: z.enum(['error', 'warning', 'note']),
  title: z.string(),
  /** null: never the answer to a request. */
  http_status: z.number().nullable(),
  retryable: z.boolean(),
  /** How it comes about, and what to do. */
  why: z.string(),
  mend: z.string(),
  /** A configuration that has this problem. */
  example: z.string().nullable(),
})
export type ErrorKind = z.infer<typeof errorKind>

export const me = z.object({
  claimed: z.boolean(),
  user: z
    .object({
      ...{ id, name: z.string(), email: z.string(), role: z.string() },
      /** What the role allows, in the words of token scopes: pages offer nothing else. */
      may: z.array(z.string()),
    })
    .nullable(),
  /** The token that asks: what it may, and until when. */
  token: z
    .object({
      ...{ id, name: z.string(), scopes: z.array(z.string()) },
      /** null: all of them. */
      projects: z.array(z.object({ id, name: z.string() })).nullable(),
      expires_at: time,
    })
    .nullable(),
  organisation: z.object({ id, name: z.string() }).nullable(),
  version: z.string(),
})
export type Me = z.infer<typeof me>

export const sourceInput = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('ssh'), url: z.string().min(1).max(1024) }),
  z.strictObject({ kind: z.literal('local'), path: z.string().min(1).max(1024) }),
])

export const projectInput = z.strictObject({
  name: z
    .string()
    .min(1)
    .max(64)
    .regex(/^[a-z0-9][a-z0-9-]*$/),
  source: sourceInput,
  default_branch: z.string().min(1).max(255).optional(),
  /** base64url X25519 public key of the caller: the hook secret comes back sealed to it, once. */
  eph: z.string().min(40).max(64),
})
export type ProjectInput = z.infer<typeof projectInput>

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
})
export type Step = z.infer<typeof step>

export const attemptSummary = z.object({
  id,
  number: z.number(),
  /** The first of its job, a retry after our own failure, or wanted by somebody. */
  cause: z.enum(['start', 'retry', 'rerun']),
  status,
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
  attempts: z.array(attemptSummary),
  /** What people decided about it, oldest first; empty for jobs that ask nobody. */
  approvals: z.array(approval),
})
export type Job = z.infer<typeof job>

/** Names and values for the parameters that a pipeline declares; the compiler checks their types. */
export const pipelineParameters = z
  .record(
    z.string().regex(/^[A-Za-z_][A-Za-z0-9_-]{0,127}$/),
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
  delivery_id: id.nullable(),
  /** The schedule of the project that began it, as it was called then. */
  schedule: z.object({ id, name: z.string() }).nullable(),
})
export type Run = z.infer<typeof run>

export const attempt = attemptSummary.extend({
  job_id: id,
  /** null for an attempt that contacted a source host (`refs`). */
  run_id: id.nullable(),
  steps: z.array(step),
  /** Highest frame that is stored; the log is complete when `log_complete`. */
  last_seq: z.number(),
  log_complete: z.boolean(),
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

const jobsMax = z.int().min(1).max(100_000)
const approvalSeconds = z.int().min(60).max(31_622_400)
const priority = z.enum(['low', 'normal', 'high'])

/** What holds for all projects. */
export const organisation = z.object({
  id,
  name: z.string(),
  /** Jobs of all projects that run at once; null: no limit. */
  settings: z.object({ jobs_max: jobsMax.nullable() }),
})
export type Organisation = z.infer<typeof organisation>
/** What is left out stays. */
export const organisationInput = z.strictObject({ jobs_max: jobsMax.nullable().optional() })
export type OrganisationInput = z.infer<typeof organisationInput>

/** How the runs of a project are handled. */
export const projectSettings = z.object({
  /** A push ends the runs of earlier pushes to its branch; never on the default branch. */
  auto_cancel: z.boolean(),
  /** Text from outside with unsafe characters (names of branches and tags) may become part of scripts. */
  untrusted_in_scripts: z.boolean(),
  /** Jobs of the project that run at once; null: no limit. */
  jobs_max: jobsMax.nullable(),
  /** How often its jobs have their turn while others wait, too. */
  priority,
  /** How often the source host is asked for what was pushed; null: it calls us. */
  /** How long a job waits for a person who approves; null: until somebody answers. */
  approval_seconds: approvalSeconds.nullable(),
  poll_seconds: pollSeconds.nullable(),
})
/** What is left out stays. */
export const projectSettingsInput = z.strictObject({
  auto_cancel: z.boolean().optional(),
  untrusted_in_scripts: z.boolean().optional(),
  jobs_max: jobsMax.nullable().optional(),
  priority: priority.optional(),
  approval_seconds: approvalSeconds.nullable().optional(),
  poll_seconds: pollSeconds.nullable().optional(),
})
export type ProjectSettingsInput = z.infer<typeof projectSettingsInput>

export const project = z.object({
  id,
  name: z.string(),
  source: z.object({ kind: z.enum(['ssh', 'local']), url: z.string() }),
  default_branch: z.string(),
  settings: projectSettings,
  /** How asking the source host goes; null: it is not asked. */
  polling: polling.nullable(),
  deploy_key: z.object({ public_key: z.string(), fingerprint: z.string() }).nullable(),
  hook: z.object({
    id,
    url: z.string(),
    /** Calls beyond the rate limit, which were not read and are no deliveries; null: none lately. */
    refused_calls: z.object({ calls: z.number(), since: time, last_at: time }).nullable(),
  }),
  host_keys: z.array(z.object({ fingerprint: z.string(), line: z.string(), confirmed: z.boolean() })),
  created_at: time,
  last_run: runSummary.nullable(),
})
export type Project = z.infer<typeof project>

export const orbInput = z.strictObject({
  /** Exact: a version of three numbers, a `dev:` label, or the address of an orb. */
  id: z
    .string()
    .max(512)
    .regex(/^([A-Za-z0-9_.-]+\/[A-Za-z0-9_.-]+@(\d+\.\d+\.\d+|dev:[A-Za-z0-9_./-]+)|https:\/\/[!-~]+)$/),
  text: z
    .string()
    .min(1)
    .max(1024 * 1024),
})
export type OrbInput = z.infer<typeof orbInput>

export const orb = z.object({
  id: z.string(),
  sha256: z.string(),
  bytes: z.number(),
  added_at: time,
  added_by: z.string(),
  /** Of the person or token; the id when it is no more. */
  added_by_name: z.string(),
})
export type Orb = z.infer<typeof orb>

export const orbSource = z.object({ id: z.string(), text: z.string() })
export type OrbSource = z.infer<typeof orbSource>

/** Answer to making a project or rotating its hook: the only time the secret is given, sealed to `eph`. */
export const projectCreated = z.object({ project, hook_secret_sealed: z.string() })
export type ProjectCreated = z.infer<typeof projectCreated>

export const deliveryVerdict = z.enum(['run', 'no_run', 'duplicate', 'refused'])
/** Our hook script, another tool, our own look at the source host, a person who wanted it again. */
export const deliverySource = z.enum(['hook', 'webhook', 'poll', 'replay'])

export const delivery = z.object({
  id,
  project_id: id,
  project: z.object({ id, name: z.string() }),
  received_at: time,
  /** By the clock of its sender. */
  sent_at: time.nullable(),
  source: deliverySource,
  ref: z.string().nullable(),
  old: z.string().nullable(),
  new: z.string().nullable(),
  /** That the sender told of. */
  pull_request: z.object({ number: z.number(), url: z.string(), title: z.string().nullable() }).nullable(),
  verdict: deliveryVerdict,
  /** Why, in words. */
  reason: z.string(),
  run_id: id.nullable(),
  /** What came of the run: `headline` says why it has no jobs or failed. */
  run: z.object({ id, number: z.number(), status, headline: z.string().nullable() }).nullable(),
  /** The delivery that this one repeats, and who wanted that. */
  replay_of: id.nullable(),
  replayed_by: actor.nullable(),
  /** How often it was replayed. */
  replays: z.number(),
})
export type Delivery = z.infer<typeof delivery>

export const runner = z.object({
  id,
  name: z.string(),
  status: z.enum(['online', 'offline', 'suspended']),
  last_seen_at: time.nullable(),
  facts: z.record(z.string(), z.unknown()).nullable(),
  running: z.number(),
})
export type Runner = z.infer<typeof runner>

const componentStatus = z.enum(['ok', 'weak', 'down'])

/** One process of the installation, as its supervisor keeps it. */
export const process = z.object({
  name: z.string(),
  status: componentStatus,
  pid: z.number().nullable(),
  since: time,
  restarts: z.number(),
  /** Resident; null when it cannot be read. */
  memory_bytes: z.number().nullable(),
  detail: z.string(),
})
export type Process = z.infer<typeof process>

export const backup = z.object({
  id,
  made_at: time,
  bytes: z.number(),
  /** null: never proven. */
  verified_at: time.nullable(),
})
export type Backup = z.infer<typeof backup>

export const systemStatus = z.object({
  version: z.string(),
  healthy: z.boolean(),
  /** Somebody who is not signed in is told only which are down. */
  components: z.array(
    z.object({
      name: z.string(),
      status: componentStatus,
      detail: z.string(),
      /** The command or the act that mends it; null where nothing is to be done. */
      mend: z.string().nullable(),
    }),
  ),
  processes: z.array(process),
  disks: z.array(z.object({ path: z.string(), free_bytes: z.number(), total_bytes: z.number() })),
  queue: z
    .object({ queued: z.number(), running: z.number(), oldest_queued_ms: z.number().nullable() })
    .nullable(),
  /** The last one; null: there is none. */
  backup: backup.nullable(),
})
export type SystemStatus = z.infer<typeof systemStatus>

export const page = <T extends z.ZodType>(item: T) =>
  z.object({ items: z.array(item), next_cursor: z.string().nullable() })
