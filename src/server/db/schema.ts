// The tables of migrations/0001_base.sql as types. migrate.db.test.ts compares them with a migrated database.
// `bigint` arrives as a number (database.ts), `timestamptz` as a Date, `jsonb` is written as text.
import type { ColumnType, Generated } from 'kysely'
import type {
  AttemptId,
  ContextId,
  DeliveryId,
  HookId,
  JobId,
  LeaseId,
  MessageId,
  ObjectId,
  OrganisationId,
  ProjectId,
  ProposalId,
  RunId,
  RunnerId,
  ScheduleId,
  SecretId,
  WebhookId,
  WorkflowId,
} from '../../base/ids.ts'
import type { Problem } from '../../base/problem.ts'
import type { Status } from '../../protocol/api/shapes.ts'
import type { ChangedFiles } from '../../protocol/changed-files.ts'
import type {
  ChangeFacts,
  JobSpec,
  Origins,
  Outcome,
  Plan,
  PlanInputs,
  PullRequest,
  RunEvent,
  ToldCommit,
} from '../../protocol/plan.ts'
import type { EgressRecord, Usage } from '../../protocol/receipt.ts'
import type { RunnerFacts, Source } from '../../protocol/runner-wire.ts'
import type { SecretKind } from '../../protocol/statement.ts'
import type { CacheHit, ObjectKind } from '../../protocol/stored-object.ts'
import type { WebhookFormat } from '../../protocol/webhooks.ts'
import type { RefusedContext } from '../../schedule/index.ts'

type Json<T> = ColumnType<T, string, string>
type At = ColumnType<Date, Date | undefined, Date>
type AtOrNull = ColumnType<Date | null, Date | null | undefined, Date | null>
type Or<T> = ColumnType<T | null, T | null | undefined, T | null>

export type JobKind = 'plan' | 'refs' | 'job' | 'approval' | 'noop' | 'lock' | 'unlock'
export type JobNeeds = readonly { readonly key: string; readonly on: readonly Outcome[] }[]
export type AttemptStatus = Exclude<Status, 'waiting' | 'on_hold'>

export type Schema = {
  organisations: { id: OrganisationId; name: string; created_at: At; jobs_max: Or<number> }
  projects: {
    id: ProjectId
    organisation_id: OrganisationId | null
    removed_at: AtOrNull
    name: string
    source: Json<Source>
    source_url: string
    default_branch: string
    hook_id: HookId
    deploy_key: Or<string>
    deploy_key_fingerprint: Or<string>
    next_run_number: Generated<number>
    auto_cancel: Generated<boolean>
    jobs_max: Or<number>
    priority: Generated<'low' | 'normal' | 'high'>
    untrusted_in_scripts: Generated<boolean>
    approval_seconds: Or<number>
    approval_people: Generated<number>
    approval_not_self: Generated<boolean>
    approval_role: Generated<'owner' | 'developer'>
    poll_seconds: Or<number>
    admitted: Generated<boolean>
    poll_next_at: AtOrNull
    poll_failures: Generated<number>
    polled_at: AtOrNull
    created_at: At
  }
  refused_calls: {
    project_id: ProjectId
    calls: number
    since: At
    last_at: At
  }
  schedules: {
    id: ScheduleId
    organisation_id: OrganisationId
    project_id: ProjectId
    name: string
    cron: string
    zone: string
    ref: Or<string>
    parameters: ColumnType<PlanInputs['parameters'], string | undefined, string>
    paused: Generated<boolean>
    created_by: string
    created_at: At
    next_at: AtOrNull
    last_at: AtOrNull
    last_run_id: Or<RunId>
    missed: Generated<number>
    workflow: Or<string>
    fresh: Generated<boolean>
    reckoned_at: At
  }
  webhooks: {
    id: WebhookId
    organisation_id: OrganisationId
    project_id: ProjectId
    name: string
    url: string
    format: WebhookFormat
    events: string[]
    disabled: Or<'person' | 'gone'>
    public_key: string
    rotated_at: AtOrNull
    overlap_until: AtOrNull
    created_by: string
    created_at: At
  }
  webhook_deliveries: {
    webhook_id: WebhookId
    id: MessageId
    event: string
    run_id: Or<RunId>
    workflow_id: Or<WorkflowId>
    job_id: Or<JobId>
    status: Or<string>
    occurred_at: At
    body: Or<string>
    state: Generated<'waiting' | 'delivered' | 'failed' | 'dropped'>
    tries: Generated<number>
    next_at: AtOrNull
  }
  webhook_tries: {
    webhook_id: WebhookId
    delivery_id: MessageId
    number: number
    at: At
    took_ms: Or<number>
    response: Or<number>
    problem: Or<string>
    answer: Or<string>
  }
  known_refs: { project_id: ProjectId; ref: string; commit: string }
  orbs: {
    organisation_id: OrganisationId
    id: string
    text: string
    sha256: string
    added_at: At
    added_by: string
  }
  host_keys: {
    project_id: ProjectId
    fingerprint: string
    line: string
    seen_at: At
    confirmed_at: AtOrNull
    confirmed_by: Or<string>
  }
  secrets: {
    id: SecretId
    organisation_id: OrganisationId
    project_id: Or<ProjectId>
    context_id: Or<ContextId>
    name: string
    kind: SecretKind
    version: number
    state: 'active' | 'disabled' | 'revoked'
    changed_at: At
    changed_by: string
    created_by: Or<string>
    put_by: Or<string>
  }
  proposals: {
    id: ProposalId
    organisation_id: OrganisationId
    verb: 'secret.put' | 'secret.set' | 'context.put' | 'rules.set'
    project_id: Or<ProjectId>
    context_id: Or<ContextId>
    digest: string
    request: ColumnType<unknown, string | null, string | null>
    state: Generated<'waiting' | 'accepted' | 'withdrawn' | 'expired'>
    proposed_by: string
    proposed_at: At
    expires_at: ColumnType<Date, Date, never>
    decided_by: Or<string>
    decided_at: AtOrNull
  }
  contexts: {
    id: ContextId
    organisation_id: OrganisationId
    name: string
    projects: Or<ProjectId[]>
    refs: string[]
    roles: Or<string[]>
    version: number
    state: 'active' | 'deleted'
    changed_at: At
    changed_by: string
  }
  deliveries: {
    id: DeliveryId
    organisation_id: OrganisationId
    project_id: ProjectId
    received_at: At
    ref: Or<string>
    old_commit: Or<string>
    new_commit: Or<string>
    sent_at: AtOrNull
    verdict: 'run' | 'no_run' | 'duplicate' | 'refused'
    reason: string
    run_id: Or<RunId>
    source: Generated<'hook' | 'webhook' | 'poll' | 'replay'>
    replay_of: Or<DeliveryId>
    replayed_by: Or<string>
    twice: Generated<boolean>
    pull_request: ColumnType<PullRequest | null, string | null | undefined, never>
    told_commit: ColumnType<ToldCommit | null, string | null | undefined, never>
  }
  answered_requests: {
    actor: string
    key_hash: Buffer
    request_digest: Buffer
    begun_at: At
    answered_at: At | null
    answer: string | null
  }
  delivery_signatures: { project_id: ProjectId; signature: Buffer; delivery_id: DeliveryId; received_at: At }
  runs: {
    id: RunId
    organisation_id: OrganisationId
    project_id: ProjectId
    number: number
    rev: Generated<number>
    status: Status
    event_kind: RunEvent['kind']
    ref: string
    commit: string
    branch: Or<string>
    tag: Or<string>
    subject: Or<string>
    author: Or<string>
    headline: Or<string>
    delivery_id: Or<DeliveryId>
    started_by: string
    cancelled_by: Or<string>
    plan_digest: Or<string>
    rerun_at: AtOrNull
    rerun_by: Or<string>
    reruns: Generated<number>
    /** Of servers before migration 0062. */
    rerun_failed_tests: Generated<boolean>
    superseded_by: Or<RunId>
    traced_at: AtOrNull
    parameters: ColumnType<PlanInputs['parameters'], string | undefined, never>
    schedule: ColumnType<RunEvent['schedule'] | null, string | null | undefined, never>
    change: ColumnType<ChangeFacts | null, string | null | undefined, never>
    created_at: At
    started_at: AtOrNull
    finished_at: AtOrNull
  }
  plans: {
    run_id: RunId
    digest: Or<string>
    plan: Json<Plan | null>
    origins: Json<Origins>
    problems: Json<readonly Problem[]>
    changes: Json<ChangedFiles | null>
    from_run_id: Or<RunId>
    inputs_key: ColumnType<string | null, never, never>
    stored_at: At
  }
  workflows: {
    id: WorkflowId
    run_id: RunId
    position: number
    name: string
    status: Status
    reruns_left: Generated<number>
    continued: Generated<boolean>
  }
  continuations: {
    run_id: RunId
    job_id: JobId
    attempt_id: AttemptId
    digest: string
    plan: Json<Plan>
    origins: Json<Origins>
    problems: Json<readonly Problem[]>
    stored_at: At
    proof: Or<string>
  }
  jobs: {
    id: JobId
    organisation_id: OrganisationId
    project_id: ProjectId
    run_id: Or<RunId>
    workflow_id: Or<WorkflowId>
    number: number
    key: string
    name: string
    kind: JobKind
    status: Status
    skip_reason: Or<'needs' | 'policy' | 'rule'>
    needs: ColumnType<JobNeeds, string | undefined, string>
    shard: Generated<number>
    shards: Generated<number>
    class: string
    image: Or<string>
    spec: ColumnType<JobSpec | null, string | null | undefined, never>
    spec_digest: Or<string>
    rev: Generated<number>
    lock_name: Or<string>
    lock_state: Or<'free' | 'asked' | 'held'>
    lock_asked_at: AtOrNull
    hold_until: AtOrNull
    contexts: Or<string[]>
    wanted_by: Or<string>
    approvals_before: Or<number>
    rerun_failed_tests: Generated<boolean>
    refused: ColumnType<RefusedContext | null, string | null | undefined, string | null>
  }
  approvals: {
    id: ColumnType<number, never, never>
    job_id: JobId
    decision: 'approved' | 'rejected' | 'expired'
    decided_by: string
    decided_at: At
    comment: Or<string>
  }
  runners: {
    id: RunnerId
    name: string
    public_key: Buffer
    status: Generated<'enrolled' | 'suspended' | 'revoked'>
    status_reason: Or<string>
    session: Generated<number>
    session_boot: Generated<string>
    session_iat: Generated<number>
    facts: ColumnType<RunnerFacts | null, string | null | undefined, string>
    last_seen_at: AtOrNull
    created_at: At
  }
  attempts: {
    id: AttemptId
    organisation_id: OrganisationId
    project_id: ProjectId
    run_id: Or<RunId>
    job_id: JobId
    number: number
    cause: Generated<'start' | 'retry' | 'rerun'>
    class: string
    status: AttemptStatus
    queue_order: ColumnType<number, never, never>
    turn: Generated<number>
    held: Generated<boolean>
    queued_at: At
    started_at: AtOrNull
    finished_at: AtOrNull
    lease_id: Or<LeaseId>
    runner_id: Or<RunnerId>
    session: Or<number>
    beats: Generated<number>
    renewed_at: AtOrNull
    deadline_at: AtOrNull
    cancel_requested_by: Or<string>
    phase: Or<'opening' | 'fetching' | 'running' | 'closing'>
    last_event: Generated<number>
    usage: ColumnType<Usage | null, string | null | undefined, string>
    notes: Generated<string[]>
    failure_code: Or<string>
    failure_message: Or<string>
    finish_digest: Or<Buffer>
    receipt: Or<string>
    receipt_verified: Generated<boolean>
    last_seq: Generated<number>
    log_key: Or<Buffer>
    log_key_wrapped: Or<string>
    log_complete: Generated<boolean>
    compiler: Or<string>
  }
  steps: {
    attempt_id: AttemptId
    index: number
    name: string
    type: string
    status: 'running' | 'passed' | 'failed' | 'timed_out' | 'cancelled' | 'skipped'
    started_at: At
    duration_ms: Or<number>
    exit_code: Or<number>
    message: Or<string>
    leftovers: Generated<number>
    cache: Or<CacheHit>
  }
  pinned_errors: {
    attempt_id: AttemptId
    step: number
    line: number
    pinned_by: string
    pinned_at: At
  }
  attempt_usage: { attempt_id: AttemptId; series: string }
  egress_records: { attempt_id: AttemptId; seq: number; records: Json<readonly EgressRecord[]> }
  log_batches: { id: ColumnType<number, never, never>; body: Buffer; received_at: At }
  log_frames: {
    attempt_id: AttemptId
    seq_from: number
    seq_to: number
    batch_id: number
    starts: number[]
    lengths: number[]
  }
  backups: { id: string; made_at: Date; bytes: number; verified_at: AtOrNull }
  stored_objects: {
    id: ObjectId
    organisation_id: OrganisationId
    project_id: ProjectId
    run_id: RunId
    job_id: JobId
    attempt_id: AttemptId
    kind: ObjectKind
    scope: string
    cache_key: Or<string>
    keep_days: Or<number>
    state: Generated<'coming' | 'kept'>
    sha256: Or<string>
    size_bytes: Or<number>
    manifest: Or<string>
    wrapped_key: Or<string>
    created_at: At
    used_at: At
  }
  artifacts: {
    object_id: ObjectId
    position: number
    path: string
    size_bytes: number
    sha256: string
    offset_bytes: number
    length_bytes: number
  }
  test_results: {
    object_id: ObjectId
    failed: number
    skipped: number
    passed: number
    duration_ms: number
    size_bytes: number
    length_bytes: number
  }
  test_timings: { workflow_id: WorkflowId; job_key: string; objects: ObjectId[]; given: Generated<boolean> }
  expired_objects: {
    id: string
    organisation_id: OrganisationId
    project_id: ProjectId
    attempt_id: AttemptId
    kind: 'log' | 'artifacts' | 'tests'
    days: number
    removed_at: At
  }
  log_objects: {
    attempt_id: AttemptId
    object_key: string | null
    body: Uint8Array | null
    size_bytes: number
    stored_at: At
  }
}
