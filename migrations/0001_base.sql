-- not breaking: the first migration.
-- What a run is: projects, deliveries, runs, workflows, jobs, attempts (each its own queue row and lease), steps,
-- runners, log frames. Ids are prefixed text (`run_…`), made by the server, and sort by time.

create table organisations (
  id text primary key check (id like 'org\_%'),
  name text not null unique check (length(name) between 1 and 64),
  created_at timestamptz not null default now()
);

create table users (
  id text primary key check (id like 'usr\_%'),
  organisation_id text not null references organisations (id),
  name text not null check (length(name) between 1 and 100),
  email text not null check (length(email) between 3 and 254),
  role text not null check (role in ('owner', 'developer', 'viewer')),
  created_at timestamptz not null default now(),
  disabled_at timestamptz
);
create unique index users_email on users (lower(email));

create table projects (
  id text primary key check (id like 'prj\_%'),
  organisation_id text not null references organisations (id),
  name text not null check (name ~ '^[a-z0-9][a-z0-9-]{0,63}$'),
  -- protocol/runner-wire.ts Source; `source_url` is what the user wrote.
  source jsonb not null,
  source_url text not null,
  default_branch text not null check (length(default_branch) between 1 and 255),
  hook_id text not null unique,
  deploy_key text,
  deploy_key_fingerprint text,
  next_run_number integer not null default 1,
  created_at timestamptz not null default now(),
  unique (organisation_id, name)
);

-- Keys a source host showed; only confirmed ones are pinned in the vault.
create table host_keys (
  project_id text not null references projects (id) on delete cascade,
  fingerprint text not null check (length(fingerprint) <= 100),
  line text not null check (length(line) <= 4096),
  seen_at timestamptz not null default now(),
  confirmed_at timestamptz,
  confirmed_by text,
  primary key (project_id, fingerprint)
);

create table deliveries (
  id text primary key check (id like 'dlv\_%'),
  organisation_id text not null references organisations (id),
  project_id text not null references projects (id) on delete cascade,
  received_at timestamptz not null default now(),
  ref text,
  old_commit text,
  new_commit text,
  sent_at timestamptz,
  verdict text not null check (verdict in ('run', 'no_run', 'duplicate', 'refused')),
  reason text not null,
  run_id text,
  check (verdict <> 'run' or run_id is not null)
);
create index deliveries_by_organisation on deliveries (organisation_id, id desc);
create index deliveries_by_project on deliveries (project_id, id desc);

-- A delivery is known by its signature for 24 hours: delivery headers are not signed everywhere.
create table delivery_signatures (
  project_id text not null references projects (id) on delete cascade,
  signature bytea not null,
  delivery_id text not null,
  received_at timestamptz not null default now(),
  primary key (project_id, signature)
);
create index delivery_signatures_age on delivery_signatures (received_at);

create table runs (
  id text primary key check (id like 'run\_%'),
  organisation_id text not null references organisations (id),
  project_id text not null references projects (id) on delete cascade,
  number integer not null check (number > 0),
  -- Counts the transactions that changed this run; followers resume by it.
  rev integer not null default 1,
  status text not null check (status in ('waiting', 'queued', 'on_hold', 'running', 'passed', 'unstable', 'failed',
    'timed_out', 'errored', 'cancelled', 'skipped')),
  event_kind text not null check (event_kind in ('push', 'manual', 'schedule', 'local')),
  ref text not null,
  -- All zeros until the plan attempt has found the tip of `ref`.
  commit text not null check (commit ~ '^([0-9a-f]{40}|[0-9a-f]{64})$'),
  branch text,
  tag text,
  subject text,
  author text,
  headline text,
  delivery_id text references deliveries (id),
  started_by text not null,
  cancelled_by text,
  plan_digest text,
  created_at timestamptz not null default now(),
  started_at timestamptz,
  finished_at timestamptz,
  unique (project_id, number)
);
create index runs_by_organisation on runs (organisation_id, id desc);
create index runs_by_project on runs (project_id, id desc);
create index runs_by_status on runs (organisation_id, status, id desc);
create index runs_passed on runs (project_id, id desc) where status = 'passed';

alter table deliveries add constraint deliveries_run foreign key (run_id) references runs (id) on delete set null
  deferrable initially deferred;

create table plans (
  run_id text primary key references runs (id) on delete cascade,
  digest text,
  plan jsonb,
  origins jsonb not null,
  problems jsonb not null,
  stored_at timestamptz not null default now(),
  check ((plan is null) = (digest is null))
);

create table workflows (
  id text primary key check (id like 'wfl\_%'),
  run_id text not null references runs (id) on delete cascade,
  position integer not null,
  name text not null,
  status text not null check (status in ('waiting', 'queued', 'on_hold', 'running', 'passed', 'unstable', 'failed',
    'timed_out', 'errored', 'cancelled', 'skipped')),
  unique (run_id, position)
);

-- One row per shard. `plan` and `refs` are built in: no workflow; a `refs` job belongs to no run.
create table jobs (
  id text primary key check (id like 'job\_%'),
  organisation_id text not null references organisations (id),
  project_id text not null references projects (id) on delete cascade,
  run_id text references runs (id) on delete cascade,
  workflow_id text references workflows (id) on delete cascade,
  -- 0 for the built-in jobs, then in the order of the plan.
  number integer not null,
  key text not null,
  name text not null,
  kind text not null check (kind in ('plan', 'refs', 'job', 'approval', 'noop', 'lock', 'unlock')),
  status text not null check (status in ('waiting', 'queued', 'on_hold', 'running', 'passed', 'unstable', 'failed',
    'timed_out', 'errored', 'cancelled', 'skipped')),
  skip_reason text check (skip_reason in ('needs', 'policy', 'rule')),
  -- [{key, on}] within the workflow.
  needs jsonb not null default '[]',
  shard integer not null default 0,
  shards integer not null default 1 check (shards > 0 and shard >= 0 and shard < shards),
  class text not null,
  image text,
  spec jsonb,
  spec_digest text,
  -- The rev of the run at the last change of this job.
  rev integer not null default 1,
  check ((kind = 'refs') = (run_id is null)),
  check ((kind in ('plan', 'refs')) = (workflow_id is null)),
  check ((kind = 'job') = (spec is not null)),
  check ((status = 'skipped') = (skip_reason is not null)),
  unique (run_id, number)
);
create index jobs_by_rev on jobs (run_id, rev);
create index jobs_of_workflow on jobs (workflow_id);

create table runners (
  id text primary key check (id like 'rnr\_%'),
  name text not null check (length(name) between 1 and 64),
  public_key bytea not null unique check (length(public_key) = 32),
  status text not null default 'enrolled' check (status in ('enrolled', 'suspended', 'revoked')),
  status_reason text,
  -- The highest session number seen; it only grows.
  session bigint not null default 0,
  -- Which start of the program opened that session, and when by the runner's own clock (Unix seconds).
  session_boot text not null default '',
  session_iat bigint not null default 0,
  facts jsonb,
  last_seen_at timestamptz,
  created_at timestamptz not null default now()
);

-- An attempt is its own queue row and lease. Nothing large lives here: it is updated with every beat and frame.
create table attempts (
  id text primary key check (id like 'att\_%'),
  organisation_id text not null references organisations (id),
  project_id text not null references projects (id) on delete cascade,
  run_id text references runs (id) on delete cascade,
  job_id text not null references jobs (id) on delete cascade,
  number integer not null check (number > 0),
  class text not null,
  status text not null check (status in ('queued', 'running', 'passed', 'unstable', 'failed', 'timed_out', 'errored',
    'cancelled', 'skipped')),
  -- First in, first out within a class.
  queue_order bigint generated always as identity,
  queued_at timestamptz not null default now(),
  started_at timestamptz,
  finished_at timestamptz,
  -- The lease: kept after the end, so that a repeated `finish` is recognised.
  lease_id text unique,
  runner_id text references runners (id),
  session bigint,
  -- Counts renewals. A server that sees no growth for the ttl of its own uptime calls the lease lost.
  beats integer not null default 0,
  -- A backstop far behind the runner's own limit.
  deadline_at timestamptz,
  cancel_requested_by text,
  phase text check (phase in ('opening', 'fetching', 'running', 'closing')),
  last_event integer not null default 0,
  usage jsonb,
  notes text[] not null default '{}',
  failure_code text,
  failure_message text,
  finish_digest bytea,
  receipt text,
  receipt_verified boolean not null default false,
  -- Highest durable frame; frames are numbered from 1 without gaps.
  last_seq integer not null default 0,
  -- Sealed to the vault by the runner while it lives, under the project's key afterwards.
  log_key bytea,
  log_key_wrapped text,
  log_complete boolean not null default false,
  unique (job_id, number),
  check (status <> 'queued' or started_at is null),
  check (status <> 'running' or (lease_id is not null and runner_id is not null and session is not null)),
  check ((status in ('queued', 'running')) = (finished_at is null))
) with (fillfactor = 70);
create unique index attempts_live_of_job on attempts (job_id) where status in ('queued', 'running');
create index attempts_queue on attempts (class, queue_order) where status = 'queued';
create index attempts_leased on attempts (runner_id) where status = 'running';
create index attempts_of_run on attempts (run_id);

create table steps (
  attempt_id text not null references attempts (id) on delete cascade,
  index integer not null,
  name text not null,
  type text not null,
  status text not null check (status in ('running', 'passed', 'failed', 'timed_out', 'cancelled', 'skipped')),
  started_at timestamptz not null,
  duration_ms bigint,
  exit_code integer,
  message text,
  leftovers integer not null default 0,
  primary key (attempt_id, index)
);

create table egress_records (
  attempt_id text not null references attempts (id) on delete cascade,
  seq integer not null,
  records jsonb not null,
  primary key (attempt_id, seq)
);

-- One row per request of a runner: its sealed frames one after another. `external`: sealed bytes do not compress.
create table log_batches (
  id bigint generated always as identity primary key,
  body bytea not null,
  received_at timestamptz not null default now()
);
alter table log_batches alter column body set storage external;

-- The frames seq_from … seq_to of an attempt: where each starts in the body of the batch, and how long it is.
create table log_frames (
  attempt_id text not null references attempts (id) on delete cascade,
  seq_from integer not null,
  seq_to integer not null check (seq_to >= seq_from),
  batch_id bigint not null references log_batches (id),
  starts integer[] not null check (cardinality(starts) = seq_to - seq_from + 1),
  lengths integer[] not null check (cardinality(lengths) = cardinality(starts)),
  primary key (attempt_id, seq_from)
);
create index log_frames_of_batch on log_frames (batch_id);

-- The finished log as one MFB1 object on the object store.
create table log_objects (
  attempt_id text primary key references attempts (id) on delete cascade,
  object_key text not null,
  size_bytes bigint not null,
  stored_at timestamptz not null default now()
);

-- Written in the transaction of the change itself; hashed into the audit tree later.
create table audit (
  id bigint generated always as identity primary key,
  at timestamptz not null default now(),
  organisation_id text references organisations (id),
  actor_kind text not null check (actor_kind in ('user', 'token', 'host', 'service', 'operator', 'support')),
  actor_id text not null,
  action text not null,
  target text not null,
  project_id text,
  run_id text,
  result text not null check (result in ('ok', 'denied', 'error')),
  code text,
  details jsonb not null default '{}'
);
create index audit_by_organisation on audit (organisation_id, id desc);
