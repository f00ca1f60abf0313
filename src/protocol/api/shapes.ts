// The objects of the HTTP API as zod schemas: requests are refused on unknown fields, answers are serialised by them.
// snake_case, RFC 3339 times, durations `*_ms`, prefixed ids. Web and CLI take their types from here (`import type`).
import * as z from 'zod'
import { preferences, signInFacts } from './people.ts'
import { polling, pollSeconds } from './polling.ts'
import { actor, runSummary, status } from './runs.ts'

export * from './comparison.ts'
export * from './configurations.ts'
export * from './people.ts'
export * from './runs.ts'

const time = z.string()
const id = z.string()

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
  /** `code` says in one word what is wrong with the field, as `too_big` or `unrecognized_keys`. */
  errors: z.array(z.object({ pointer: z.string(), detail: z.string(), code: z.string() })).optional(),
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
      /** Names of owners, whom to ask for what it does not allow; none for an owner. */
      ask: z.array(z.string()),
      preferences,
      /** The sign-in before this session's; null: there was none. */
      last_sign_in: signInFacts.nullable(),
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

const jobsMax = z.int().min(1).max(100_000)
const approvalSeconds = z.int().min(60).max(31_622_400)
const approvalPeople = z.int().min(1).max(5)
const approvalRole = z.enum(['owner', 'developer'])
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
  /** How many different people it takes to approve, ... */
  approval_people: approvalPeople,
  /** ... whether those who began the run or wrote its commit are among them, ... */
  approval_not_self: z.boolean(),
  /** ... and the role they have at least. */
  approval_role: approvalRole,
  poll_seconds: pollSeconds.nullable(),
})
/** What is left out stays. */
export const projectSettingsInput = z.strictObject({
  auto_cancel: z.boolean().optional(),
  untrusted_in_scripts: z.boolean().optional(),
  jobs_max: jobsMax.nullable().optional(),
  priority: priority.optional(),
  approval_seconds: approvalSeconds.nullable().optional(),
  approval_people: approvalPeople.optional(),
  approval_not_self: z.boolean().optional(),
  approval_role: approvalRole.optional(),
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
