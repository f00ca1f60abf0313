-- Golden: what migrations/ make. Written by UPDATE_GOLDEN=1 on migrate.db.test.ts, never executed.
answered_requests
  actor text not null
  key_hash bytea not null
  request_digest bytea not null
  begun_at timestamp with time zone not null default now()
  answered_at timestamp with time zone
  answer text
  answered_requests_actor_check: CHECK (((length(actor) >= 1) AND (length(actor) <= 64)))
  answered_requests_check: CHECK (((answered_at IS NOT NULL) OR (answer IS NULL)))
  answered_requests_key_hash_check: CHECK ((length(key_hash) = 32))
  answered_requests_pkey: PRIMARY KEY (actor, key_hash)
  answered_requests_request_digest_check: CHECK ((length(request_digest) = 32))
  CREATE INDEX answered_requests_age ON public.answered_requests USING btree (begun_at)
  CREATE UNIQUE INDEX answered_requests_pkey ON public.answered_requests USING btree (actor, key_hash)

api_tokens
  id text not null
  organisation_id text not null
  user_id text
  name text not null
  token_hash bytea not null
  prefix text not null
  scopes text[] not null
  created_by text not null
  created_at timestamp with time zone not null default now()
  expires_at timestamp with time zone not null
  last_used_at timestamp with time zone
  revoked_at timestamp with time zone
  project_ids text[]
  api_tokens_check: CHECK ((expires_at <= (created_at + '366 days'::interval)))
  api_tokens_id_check: CHECK ((id ~~ 'tok\_%'::text))
  api_tokens_name_check: CHECK (((length(name) >= 1) AND (length(name) <= 64)))
  api_tokens_organisation_id_fkey: FOREIGN KEY (organisation_id) REFERENCES organisations(id)
  api_tokens_pkey: PRIMARY KEY (id)
  api_tokens_project_ids_check: CHECK (((cardinality(project_ids) >= 1) AND (cardinality(project_ids) <= 50)))
  api_tokens_scopes_check: CHECK (((cardinality(scopes) >= 1) AND (cardinality(scopes) <= 32)))
  api_tokens_token_hash_check: CHECK ((length(token_hash) = 32))
  api_tokens_token_hash_key: UNIQUE (token_hash)
  api_tokens_user_id_fkey: FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE
  CREATE INDEX api_tokens_by_organisation ON public.api_tokens USING btree (organisation_id, id DESC)
  CREATE UNIQUE INDEX api_tokens_pkey ON public.api_tokens USING btree (id)
  CREATE UNIQUE INDEX api_tokens_token_hash_key ON public.api_tokens USING btree (token_hash)

approvals
  id bigint not null generated always as identity
  job_id text not null
  decision text not null
  decided_by text not null
  decided_at timestamp with time zone not null default now()
  comment text
  approvals_comment_check: CHECK (((length(comment) >= 1) AND (length(comment) <= 500)))
  approvals_decision_check: CHECK ((decision = ANY (ARRAY['approved'::text, 'rejected'::text, 'expired'::text])))
  approvals_job_id_fkey: FOREIGN KEY (job_id) REFERENCES jobs(id) ON DELETE CASCADE
  approvals_pkey: PRIMARY KEY (id)
  CREATE INDEX approvals_of_job ON public.approvals USING btree (job_id, id)
  CREATE UNIQUE INDEX approvals_pkey ON public.approvals USING btree (id)

artifacts
  object_id text not null
  position integer not null
  path text not null
  size_bytes bigint not null
  sha256 text not null
  offset_bytes bigint not null
  length_bytes bigint not null
  artifacts_length_bytes_check: CHECK ((length_bytes > 0))
  artifacts_object_id_fkey: FOREIGN KEY (object_id) REFERENCES stored_objects(id) ON DELETE CASCADE
  artifacts_offset_bytes_check: CHECK ((offset_bytes >= 0))
  artifacts_path_check: CHECK (((length(path) >= 1) AND (length(path) <= 4096)))
  artifacts_pkey: PRIMARY KEY (object_id, "position")
  artifacts_position_check: CHECK (("position" >= 0))
  artifacts_sha256_check: CHECK ((length(sha256) = 64))
  artifacts_size_bytes_check: CHECK ((size_bytes >= 0))
  CREATE UNIQUE INDEX artifacts_pkey ON public.artifacts USING btree (object_id, "position")

attempt_counters
  key text not null
  window_start timestamp with time zone not null
  count integer not null
  attempt_counters_key_check: CHECK ((length(key) <= 200))
  attempt_counters_pkey: PRIMARY KEY (key)
  CREATE INDEX attempt_counters_age ON public.attempt_counters USING btree (window_start)
  CREATE UNIQUE INDEX attempt_counters_pkey ON public.attempt_counters USING btree (key)

attempt_usage
  attempt_id text not null
  series text not null
  attempt_usage_attempt_id_fkey: FOREIGN KEY (attempt_id) REFERENCES attempts(id) ON DELETE CASCADE
  attempt_usage_pkey: PRIMARY KEY (attempt_id)
  attempt_usage_series_check: CHECK ((octet_length(series) <= 32768))
  CREATE UNIQUE INDEX attempt_usage_pkey ON public.attempt_usage USING btree (attempt_id)

attempts
  id text not null
  organisation_id text not null
  project_id text not null
  run_id text
  job_id text not null
  number integer not null
  class text not null
  status text not null
  queue_order bigint not null generated always as identity
  queued_at timestamp with time zone not null default now()
  started_at timestamp with time zone
  finished_at timestamp with time zone
  lease_id text
  runner_id text
  session bigint
  beats integer not null default 0
  deadline_at timestamp with time zone
  cancel_requested_by text
  phase text
  last_event integer not null default 0
  usage jsonb
  notes text[] not null default '{}'::text[]
  failure_code text
  failure_message text
  finish_digest bytea
  receipt text
  receipt_verified boolean not null default false
  last_seq integer not null default 0
  log_key bytea
  log_key_wrapped text
  log_complete boolean not null default false
  compiler text
  cause text not null default 'start'::text
  turn bigint not null default 0
  held boolean not null default false
  renewed_at timestamp with time zone
  attempts_cause_check: CHECK ((cause = ANY (ARRAY['start'::text, 'retry'::text, 'rerun'::text])))
  attempts_check: CHECK (((status <> 'queued'::text) OR (started_at IS NULL)))
  attempts_check1: CHECK (((status <> 'running'::text) OR ((lease_id IS NOT NULL) AND (runner_id IS NOT NULL) AND (session IS NOT NULL))))
  attempts_check2: CHECK (((status = ANY (ARRAY['queued'::text, 'running'::text])) = (finished_at IS NULL)))
  attempts_check3: CHECK (((NOT held) OR (status <> 'running'::text)))
  attempts_compiler_check: CHECK ((length(compiler) <= 128))
  attempts_id_check: CHECK ((id ~~ 'att\_%'::text))
  attempts_job_id_fkey: FOREIGN KEY (job_id) REFERENCES jobs(id) ON DELETE CASCADE
  attempts_job_id_number_key: UNIQUE (job_id, number)
  attempts_lease_id_key: UNIQUE (lease_id)
  attempts_number_check: CHECK ((number > 0))
  attempts_organisation_id_fkey: FOREIGN KEY (organisation_id) REFERENCES organisations(id)
  attempts_phase_check: CHECK ((phase = ANY (ARRAY['opening'::text, 'fetching'::text, 'running'::text, 'closing'::text])))
  attempts_pkey: PRIMARY KEY (id)
  attempts_project_id_fkey: FOREIGN KEY (project_id) REFERENCES projects(id) ON DELETE CASCADE
  attempts_run_id_fkey: FOREIGN KEY (run_id) REFERENCES runs(id) ON DELETE CASCADE
  attempts_runner_id_fkey: FOREIGN KEY (runner_id) REFERENCES runners(id)
  attempts_status_check: CHECK ((status = ANY (ARRAY['queued'::text, 'running'::text, 'passed'::text, 'unstable'::text, 'failed'::text, 'timed_out'::text, 'errored'::text, 'cancelled'::text, 'skipped'::text])))
  CREATE INDEX attempts_held ON public.attempts USING btree (organisation_id, project_id, queue_order) WHERE ((status = 'queued'::text) AND held)
  CREATE INDEX attempts_in_line ON public.attempts USING btree (project_id, class, turn) WHERE ((status = 'queued'::text) AND (NOT held))
  CREATE UNIQUE INDEX attempts_job_id_number_key ON public.attempts USING btree (job_id, number)
  CREATE UNIQUE INDEX attempts_lease_id_key ON public.attempts USING btree (lease_id)
  CREATE INDEX attempts_leased ON public.attempts USING btree (runner_id) WHERE (status = 'running'::text)
  CREATE UNIQUE INDEX attempts_live_of_job ON public.attempts USING btree (job_id) WHERE (status = ANY (ARRAY['queued'::text, 'running'::text]))
  CREATE INDEX attempts_log_key_unwrapped ON public.attempts USING btree (id) WHERE (log_complete AND (log_key IS NOT NULL) AND (log_key_wrapped IS NULL))
  CREATE INDEX attempts_of_run ON public.attempts USING btree (run_id)
  CREATE UNIQUE INDEX attempts_pkey ON public.attempts USING btree (id)
  CREATE INDEX attempts_queue ON public.attempts USING btree (class, turn, queue_order) WHERE ((status = 'queued'::text) AND (NOT held))
  CREATE INDEX attempts_running ON public.attempts USING btree (organisation_id, project_id) WHERE (status = 'running'::text)

audit
  id bigint not null generated always as identity
  at timestamp with time zone not null default now()
  organisation_id text
  actor_kind text not null
  actor_id text not null
  action text not null
  target text not null
  project_id text
  run_id text
  result text not null
  code text
  details jsonb not null default '{}'::jsonb
  audit_actor_kind_check: CHECK ((actor_kind = ANY (ARRAY['user'::text, 'token'::text, 'host'::text, 'service'::text, 'operator'::text, 'support'::text])))
  audit_organisation_id_fkey: FOREIGN KEY (organisation_id) REFERENCES organisations(id)
  audit_pkey: PRIMARY KEY (id)
  audit_result_check: CHECK ((result = ANY (ARRAY['ok'::text, 'denied'::text, 'error'::text])))
  CREATE INDEX audit_by_organisation ON public.audit USING btree (organisation_id, id DESC)
  CREATE INDEX audit_of_reruns ON public.audit USING btree (run_id) WHERE (action = 'run.rerun'::text)
  CREATE INDEX audit_of_signatures ON public.audit USING btree (target, id DESC) WHERE (action = 'secret.sign'::text)
  CREATE INDEX audit_of_signers ON public.audit USING btree (organisation_id, target) WHERE (action = ANY (ARRAY['signer.enroll'::text, 'signer.remove'::text]))
  CREATE UNIQUE INDEX audit_pkey ON public.audit USING btree (id)

backups
  id text not null
  made_at timestamp with time zone not null
  bytes bigint not null
  verified_at timestamp with time zone
  backups_bytes_check: CHECK ((bytes > 0))
  backups_id_check: CHECK ((id ~~ 'bak\_%'::text))
  backups_pkey: PRIMARY KEY (id)
  CREATE INDEX backups_by_age ON public.backups USING btree (made_at DESC)
  CREATE UNIQUE INDEX backups_pkey ON public.backups USING btree (id)

claims
  single boolean not null default true
  token_hash bytea not null
  expires_at timestamp with time zone not null
  claims_pkey: PRIMARY KEY (single)
  claims_single_check: CHECK (single)
  claims_token_hash_check: CHECK ((length(token_hash) = 32))
  CREATE UNIQUE INDEX claims_pkey ON public.claims USING btree (single)

contexts
  id text not null
  organisation_id text not null
  name text not null
  projects text[]
  refs text[] not null
  roles text[]
  version integer not null
  state text not null
  changed_at timestamp with time zone not null default now()
  changed_by text not null
  contexts_changed_by_check: CHECK (((length(changed_by) >= 1) AND (length(changed_by) <= 64)))
  contexts_id_check: CHECK ((id ~~ 'ctx\_%'::text))
  contexts_name_check: CHECK (((length(name) >= 1) AND (length(name) <= 64)))
  contexts_organisation_id_fkey: FOREIGN KEY (organisation_id) REFERENCES organisations(id)
  contexts_organisation_id_name_key: UNIQUE (organisation_id, name)
  contexts_pkey: PRIMARY KEY (id)
  contexts_refs_check: CHECK (((cardinality(refs) >= 1) AND (cardinality(refs) <= 20)))
  contexts_roles_check: CHECK (((cardinality(roles) >= 1) AND (cardinality(roles) <= 2)))
  contexts_state_check: CHECK ((state = ANY (ARRAY['active'::text, 'deleted'::text])))
  contexts_version_check: CHECK ((version > 0))
  CREATE UNIQUE INDEX contexts_organisation_id_name_key ON public.contexts USING btree (organisation_id, name)
  CREATE UNIQUE INDEX contexts_pkey ON public.contexts USING btree (id)

continuations
  run_id text not null
  job_id text not null
  attempt_id text not null
  digest text not null
  plan jsonb not null
  origins jsonb not null
  problems jsonb not null
  stored_at timestamp with time zone not null default now()
  proof text
  continuations_attempt_id_fkey: FOREIGN KEY (attempt_id) REFERENCES attempts(id) ON DELETE CASCADE
  continuations_digest_check: CHECK ((length(digest) = 64))
  continuations_job_id_fkey: FOREIGN KEY (job_id) REFERENCES jobs(id) ON DELETE CASCADE
  continuations_pkey: PRIMARY KEY (run_id)
  continuations_proof_check: CHECK ((length(proof) <= 32768))
  continuations_run_id_fkey: FOREIGN KEY (run_id) REFERENCES runs(id) ON DELETE CASCADE
  CREATE INDEX continuations_of_attempt ON public.continuations USING btree (attempt_id)
  CREATE INDEX continuations_of_job ON public.continuations USING btree (job_id)
  CREATE UNIQUE INDEX continuations_pkey ON public.continuations USING btree (run_id)

deliveries
  id text not null
  organisation_id text not null
  project_id text not null
  received_at timestamp with time zone not null default now()
  ref text
  old_commit text
  new_commit text
  sent_at timestamp with time zone
  verdict text not null
  reason text not null
  run_id text
  source text not null default 'hook'::text
  replay_of text
  replayed_by text
  twice boolean not null default false
  pull_request jsonb
  told_commit jsonb
  deliveries_check: CHECK (((verdict <> 'run'::text) OR (run_id IS NOT NULL)))
  deliveries_check1: CHECK (((source = 'replay'::text) = (replayed_by IS NOT NULL)))
  deliveries_id_check: CHECK ((id ~~ 'dlv\_%'::text))
  deliveries_organisation_id_fkey: FOREIGN KEY (organisation_id) REFERENCES organisations(id)
  deliveries_pkey: PRIMARY KEY (id)
  deliveries_project_id_fkey: FOREIGN KEY (project_id) REFERENCES projects(id) ON DELETE CASCADE
  deliveries_replay_of_fkey: FOREIGN KEY (replay_of) REFERENCES deliveries(id) ON DELETE SET NULL
  deliveries_replayed_by_check: CHECK (((length(replayed_by) >= 1) AND (length(replayed_by) <= 64)))
  deliveries_run: FOREIGN KEY (run_id) REFERENCES runs(id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED
  deliveries_source_check: CHECK ((source = ANY (ARRAY['hook'::text, 'webhook'::text, 'poll'::text, 'replay'::text])))
  deliveries_verdict_check: CHECK ((verdict = ANY (ARRAY['run'::text, 'no_run'::text, 'duplicate'::text, 'refused'::text])))
  CREATE INDEX deliveries_by_organisation ON public.deliveries USING btree (organisation_id, id DESC)
  CREATE INDEX deliveries_by_project ON public.deliveries USING btree (project_id, id DESC)
  CREATE INDEX deliveries_of_commit ON public.deliveries USING btree (project_id, ref, new_commit)
  CREATE INDEX deliveries_of_run ON public.deliveries USING btree (run_id) WHERE (run_id IS NOT NULL)
  CREATE UNIQUE INDEX deliveries_pkey ON public.deliveries USING btree (id)
  CREATE INDEX deliveries_pushes ON public.deliveries USING btree (project_id, ref, sent_at) WHERE ((verdict = 'run'::text) AND (source <> 'replay'::text))
  CREATE INDEX deliveries_replays ON public.deliveries USING btree (replay_of) WHERE (replay_of IS NOT NULL)

delivery_signatures
  project_id text not null
  signature bytea not null
  delivery_id text not null
  received_at timestamp with time zone not null default now()
  delivery_signatures_pkey: PRIMARY KEY (project_id, signature)
  delivery_signatures_project_id_fkey: FOREIGN KEY (project_id) REFERENCES projects(id) ON DELETE CASCADE
  CREATE INDEX delivery_signatures_age ON public.delivery_signatures USING btree (received_at)
  CREATE UNIQUE INDEX delivery_signatures_pkey ON public.delivery_signatures USING btree (project_id, signature)

egress_records
  attempt_id text not null
  seq integer not null
  records jsonb not null
  egress_records_attempt_id_fkey: FOREIGN KEY (attempt_id) REFERENCES attempts(id) ON DELETE CASCADE
  egress_records_pkey: PRIMARY KEY (attempt_id, seq)
  CREATE UNIQUE INDEX egress_records_pkey ON public.egress_records USING btree (attempt_id, seq)

expired_objects
  id text not null
  organisation_id text not null
  project_id text not null
  attempt_id text not null
  kind text not null
  days smallint not null
  removed_at timestamp with time zone not null default now()
  expired_objects_attempt_id_fkey: FOREIGN KEY (attempt_id) REFERENCES attempts(id) ON DELETE CASCADE
  expired_objects_check: CHECK (((kind = 'log'::text) = (id = attempt_id)))
  expired_objects_days_check: CHECK ((days > 0))
  expired_objects_kind_check: CHECK ((kind = ANY (ARRAY['log'::text, 'artifacts'::text, 'tests'::text])))
  expired_objects_organisation_id_fkey: FOREIGN KEY (organisation_id) REFERENCES organisations(id)
  expired_objects_pkey: PRIMARY KEY (id)
  expired_objects_project_id_fkey: FOREIGN KEY (project_id) REFERENCES projects(id) ON DELETE CASCADE
  CREATE INDEX expired_objects_of_attempt ON public.expired_objects USING btree (attempt_id)
  CREATE UNIQUE INDEX expired_objects_pkey ON public.expired_objects USING btree (id)

host_keys
  project_id text not null
  fingerprint text not null
  line text not null
  seen_at timestamp with time zone not null default now()
  confirmed_at timestamp with time zone
  confirmed_by text
  host_keys_fingerprint_check: CHECK ((length(fingerprint) <= 100))
  host_keys_line_check: CHECK ((length(line) <= 4096))
  host_keys_pkey: PRIMARY KEY (project_id, fingerprint)
  host_keys_project_id_fkey: FOREIGN KEY (project_id) REFERENCES projects(id) ON DELETE CASCADE
  CREATE UNIQUE INDEX host_keys_pkey ON public.host_keys USING btree (project_id, fingerprint)

invitations
  id text not null
  organisation_id text not null
  role text not null
  token_hash bytea not null
  created_by text not null
  created_at timestamp with time zone not null default now()
  expires_at timestamp with time zone not null
  invitations_id_check: CHECK ((id ~~ 'inv\_%'::text))
  invitations_organisation_id_fkey: FOREIGN KEY (organisation_id) REFERENCES organisations(id)
  invitations_pkey: PRIMARY KEY (id)
  invitations_role_check: CHECK ((role = ANY (ARRAY['owner'::text, 'developer'::text, 'viewer'::text])))
  invitations_token_hash_check: CHECK ((length(token_hash) = 32))
  invitations_token_hash_key: UNIQUE (token_hash)
  CREATE INDEX invitations_expiry ON public.invitations USING btree (expires_at)
  CREATE UNIQUE INDEX invitations_pkey ON public.invitations USING btree (id)
  CREATE UNIQUE INDEX invitations_token_hash_key ON public.invitations USING btree (token_hash)

jobs
  id text not null
  organisation_id text not null
  project_id text not null
  run_id text
  workflow_id text
  number integer not null
  key text not null
  name text not null
  kind text not null
  status text not null
  skip_reason text
  needs jsonb not null default '[]'::jsonb
  shard integer not null default 0
  shards integer not null default 1
  class text not null
  image text
  spec jsonb
  spec_digest text
  rev integer not null default 1
  lock_name text
  lock_state text
  lock_asked_at timestamp with time zone
  hold_until timestamp with time zone
  contexts text[]
  wanted_by text
  refused jsonb
  approvals_before bigint
  rerun_failed_tests boolean not null default false
  jobs_check: CHECK (((shards > 0) AND (shard >= 0) AND (shard < shards)))
  jobs_check1: CHECK (((kind = 'refs'::text) = (run_id IS NULL)))
  jobs_check2: CHECK (((kind = ANY (ARRAY['plan'::text, 'refs'::text])) = (workflow_id IS NULL)))
  jobs_check3: CHECK (((kind = 'job'::text) = (spec IS NOT NULL)))
  jobs_check4: CHECK (((status = 'skipped'::text) = (skip_reason IS NOT NULL)))
  jobs_check5: CHECK (((lock_name IS NULL) = (lock_state IS NULL)))
  jobs_check6: CHECK (((lock_state IS DISTINCT FROM 'asked'::text) OR ((status = 'waiting'::text) AND (lock_asked_at IS NOT NULL))))
  jobs_id_check: CHECK ((id ~~ 'job\_%'::text))
  jobs_kind_check: CHECK ((kind = ANY (ARRAY['plan'::text, 'refs'::text, 'job'::text, 'approval'::text, 'noop'::text, 'lock'::text, 'unlock'::text])))
  jobs_lock_name_check: CHECK (((length(lock_name) >= 1) AND (length(lock_name) <= 512)))
  jobs_lock_state_check: CHECK ((lock_state = ANY (ARRAY['free'::text, 'asked'::text, 'held'::text])))
  jobs_organisation_id_fkey: FOREIGN KEY (organisation_id) REFERENCES organisations(id)
  jobs_pkey: PRIMARY KEY (id)
  jobs_project_id_fkey: FOREIGN KEY (project_id) REFERENCES projects(id) ON DELETE CASCADE
  jobs_run_id_fkey: FOREIGN KEY (run_id) REFERENCES runs(id) ON DELETE CASCADE
  jobs_run_id_number_key: UNIQUE (run_id, number)
  jobs_skip_reason_check: CHECK ((skip_reason = ANY (ARRAY['needs'::text, 'policy'::text, 'rule'::text])))
  jobs_status_check: CHECK ((status = ANY (ARRAY['waiting'::text, 'queued'::text, 'on_hold'::text, 'running'::text, 'passed'::text, 'unstable'::text, 'failed'::text, 'timed_out'::text, 'errored'::text, 'cancelled'::text, 'skipped'::text])))
  jobs_wanted_by_check: CHECK (((length(wanted_by) >= 1) AND (length(wanted_by) <= 64)))
  jobs_workflow_id_fkey: FOREIGN KEY (workflow_id) REFERENCES workflows(id) ON DELETE CASCADE
  CREATE INDEX jobs_by_rev ON public.jobs USING btree (run_id, rev)
  CREATE INDEX jobs_holding ON public.jobs USING btree (hold_until) WHERE (status = 'on_hold'::text)
  CREATE INDEX jobs_in_line ON public.jobs USING btree (organisation_id, lock_name, lock_asked_at, id) WHERE (lock_state = ANY (ARRAY['asked'::text, 'held'::text]))
  CREATE UNIQUE INDEX jobs_lock_holder ON public.jobs USING btree (organisation_id, lock_name) WHERE ((lock_state = 'held'::text) AND (shard = 0))
  CREATE INDEX jobs_of_workflow ON public.jobs USING btree (workflow_id)
  CREATE UNIQUE INDEX jobs_pkey ON public.jobs USING btree (id)
  CREATE UNIQUE INDEX jobs_run_id_number_key ON public.jobs USING btree (run_id, number)

known_refs
  project_id text not null
  ref text not null
  commit text not null
  known_refs_commit_check: CHECK ((commit ~ '^([0-9a-f]{40}|[0-9a-f]{64})$'::text))
  known_refs_pkey: PRIMARY KEY (project_id, ref)
  known_refs_project_id_fkey: FOREIGN KEY (project_id) REFERENCES projects(id) ON DELETE CASCADE
  known_refs_ref_check: CHECK (((length(ref) >= 1) AND (length(ref) <= 255)))
  CREATE UNIQUE INDEX known_refs_pkey ON public.known_refs USING btree (project_id, ref)

log_batches
  id bigint not null generated always as identity
  body bytea not null storage e
  received_at timestamp with time zone not null default now()
  log_batches_pkey: PRIMARY KEY (id)
  CREATE UNIQUE INDEX log_batches_pkey ON public.log_batches USING btree (id)

log_frames
  attempt_id text not null
  seq_from integer not null
  seq_to integer not null
  batch_id bigint not null
  starts integer[] not null
  lengths integer[] not null
  log_frames_attempt_id_fkey: FOREIGN KEY (attempt_id) REFERENCES attempts(id) ON DELETE CASCADE
  log_frames_batch_id_fkey: FOREIGN KEY (batch_id) REFERENCES log_batches(id)
  log_frames_check: CHECK ((seq_to >= seq_from))
  log_frames_check1: CHECK ((cardinality(starts) = ((seq_to - seq_from) + 1)))
  log_frames_check2: CHECK ((cardinality(lengths) = cardinality(starts)))
  log_frames_pkey: PRIMARY KEY (attempt_id, seq_from)
  CREATE INDEX log_frames_of_batch ON public.log_frames USING btree (batch_id)
  CREATE UNIQUE INDEX log_frames_pkey ON public.log_frames USING btree (attempt_id, seq_from)

log_objects
  attempt_id text not null
  object_key text
  size_bytes bigint not null
  stored_at timestamp with time zone not null default now()
  body bytea storage e
  log_objects_attempt_id_fkey: FOREIGN KEY (attempt_id) REFERENCES attempts(id) ON DELETE CASCADE
  log_objects_in_one_place: CHECK (((object_key IS NULL) <> (body IS NULL)))
  log_objects_pkey: PRIMARY KEY (attempt_id)
  CREATE INDEX log_objects_by_age ON public.log_objects USING btree (stored_at)
  CREATE UNIQUE INDEX log_objects_pkey ON public.log_objects USING btree (attempt_id)

migration
  number integer not null
  name text not null
  digest text not null
  breaking boolean not null
  ran_at timestamp with time zone not null default now()
  migration_pkey: PRIMARY KEY (number)
  CREATE UNIQUE INDEX migration_pkey ON public.migration USING btree (number)

orbs
  organisation_id text not null
  id text not null
  text text not null
  sha256 text not null
  added_at timestamp with time zone not null default now()
  added_by text not null
  orbs_added_by_check: CHECK (((length(added_by) >= 1) AND (length(added_by) <= 64)))
  orbs_id_check: CHECK (((length(id) >= 3) AND (length(id) <= 512)))
  orbs_organisation_id_fkey: FOREIGN KEY (organisation_id) REFERENCES organisations(id)
  orbs_pkey: PRIMARY KEY (organisation_id, id)
  orbs_sha256_check: CHECK ((sha256 ~ '^[0-9a-f]{64}$'::text))
  orbs_text_check: CHECK (((octet_length(text) >= 1) AND (octet_length(text) <= 1048576)))
  CREATE UNIQUE INDEX orbs_pkey ON public.orbs USING btree (organisation_id, id)

organisations
  id text not null
  name text not null
  created_at timestamp with time zone not null default now()
  jobs_max integer
  organisations_id_check: CHECK ((id ~~ 'org\_%'::text))
  organisations_jobs_max_check: CHECK ((jobs_max > 0))
  organisations_name_check: CHECK (((length(name) >= 1) AND (length(name) <= 64)))
  organisations_name_key: UNIQUE (name)
  organisations_pkey: PRIMARY KEY (id)
  CREATE UNIQUE INDEX organisations_name_key ON public.organisations USING btree (name)
  CREATE UNIQUE INDEX organisations_pkey ON public.organisations USING btree (id)

passkey_challenges
  challenge text not null
  purpose text not null
  user_id text
  expires_at timestamp with time zone not null
  passkey_challenges_pkey: PRIMARY KEY (challenge)
  passkey_challenges_purpose_check: CHECK ((purpose = ANY (ARRAY['claim'::text, 'sign-in'::text, 'add'::text, 'prove'::text])))
  passkey_challenges_user_id_check: CHECK ((user_id ~~ 'usr\_%'::text))
  CREATE INDEX passkey_challenges_expiry ON public.passkey_challenges USING btree (expires_at)
  CREATE UNIQUE INDEX passkey_challenges_pkey ON public.passkey_challenges USING btree (challenge)

passkeys
  id text not null
  user_id text not null
  public_key bytea not null
  counter bigint not null
  transports text[] not null
  created_at timestamp with time zone not null default now()
  last_used_at timestamp with time zone
  name text
  passkeys_id_check: CHECK ((length(id) <= 1400))
  passkeys_name_check: CHECK (((length(name) >= 1) AND (length(name) <= 64)))
  passkeys_pkey: PRIMARY KEY (id)
  passkeys_user_id_fkey: FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE
  CREATE INDEX passkeys_of_user ON public.passkeys USING btree (user_id)
  CREATE UNIQUE INDEX passkeys_pkey ON public.passkeys USING btree (id)

passwords
  user_id text not null
  hash text not null
  changed_at timestamp with time zone not null default now()
  passwords_hash_check: CHECK ((hash ~~ '$argon2id$%'::text))
  passwords_pkey: PRIMARY KEY (user_id)
  passwords_user_id_fkey: FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE
  CREATE UNIQUE INDEX passwords_pkey ON public.passwords USING btree (user_id)

pinned_errors
  attempt_id text not null
  step integer not null
  line bigint not null
  pinned_by text not null
  pinned_at timestamp with time zone not null default now()
  pinned_errors_attempt_id_fkey: FOREIGN KEY (attempt_id) REFERENCES attempts(id) ON DELETE CASCADE
  pinned_errors_line_check: CHECK (((line >= 1) AND (line <= '4294967295'::bigint)))
  pinned_errors_pkey: PRIMARY KEY (attempt_id)
  pinned_errors_step_check: CHECK (((step >= 0) AND (step <= 65535)))
  CREATE UNIQUE INDEX pinned_errors_pkey ON public.pinned_errors USING btree (attempt_id)

plans
  run_id text not null
  digest text
  plan jsonb
  origins jsonb not null
  problems jsonb not null
  stored_at timestamp with time zone not null default now()
  from_run_id text
  inputs_key text default md5(((plan -> 'inputs'::text))::text)
  changes jsonb
  plans_check: CHECK (((plan IS NULL) = (digest IS NULL)))
  plans_from_run_id_fkey: FOREIGN KEY (from_run_id) REFERENCES runs(id) ON DELETE SET NULL
  plans_pkey: PRIMARY KEY (run_id)
  plans_run_id_fkey: FOREIGN KEY (run_id) REFERENCES runs(id) ON DELETE CASCADE
  CREATE INDEX plans_from_run ON public.plans USING btree (from_run_id) WHERE (from_run_id IS NOT NULL)
  CREATE INDEX plans_known ON public.plans USING btree (inputs_key) WHERE ((plan IS NOT NULL) AND (from_run_id IS NULL))
  CREATE UNIQUE INDEX plans_pkey ON public.plans USING btree (run_id)

projects
  id text not null
  organisation_id text
  name text not null
  source jsonb not null
  source_url text not null
  default_branch text not null
  hook_id text not null
  deploy_key text
  deploy_key_fingerprint text
  next_run_number integer not null default 1
  created_at timestamp with time zone not null default now()
  auto_cancel boolean not null default false
  untrusted_in_scripts boolean not null default false
  jobs_max integer
  priority text not null default 'normal'::text
  poll_seconds integer
  poll_next_at timestamp with time zone
  poll_failures integer not null default 0
  polled_at timestamp with time zone
  approval_seconds integer default 7776000
  approval_people integer not null default 1
  approval_not_self boolean not null default false
  approval_role text not null default 'developer'::text
  admitted boolean not null default false
  removed_at timestamp with time zone
  projects_approval_people_check: CHECK (((approval_people >= 1) AND (approval_people <= 5)))
  projects_approval_role_check: CHECK ((approval_role = ANY (ARRAY['owner'::text, 'developer'::text])))
  projects_approval_seconds_check: CHECK (((approval_seconds >= 60) AND (approval_seconds <= 31622400)))
  projects_check: CHECK (((poll_seconds IS NULL) = (poll_next_at IS NULL)))
  projects_default_branch_check: CHECK (((length(default_branch) >= 1) AND (length(default_branch) <= 255)))
  projects_hook_id_key: UNIQUE (hook_id)
  projects_id_check: CHECK ((id ~~ 'prj\_%'::text))
  projects_jobs_max_check: CHECK ((jobs_max > 0))
  projects_name_check: CHECK ((name ~ '^[a-z0-9][a-z0-9-]{0,63}$'::text))
  projects_organisation_id_fkey: FOREIGN KEY (organisation_id) REFERENCES organisations(id)
  projects_organisation_id_name_key: UNIQUE (organisation_id, name)
  projects_pkey: PRIMARY KEY (id)
  projects_poll_seconds_check: CHECK (((poll_seconds >= 30) AND (poll_seconds <= 86400)))
  projects_priority_check: CHECK ((priority = ANY (ARRAY['low'::text, 'normal'::text, 'high'::text])))
  projects_removed: CHECK (((organisation_id IS NULL) = (removed_at IS NOT NULL)))
  CREATE UNIQUE INDEX projects_hook_id_key ON public.projects USING btree (hook_id)
  CREATE UNIQUE INDEX projects_organisation_id_name_key ON public.projects USING btree (organisation_id, name)
  CREATE UNIQUE INDEX projects_pkey ON public.projects USING btree (id)
  CREATE INDEX projects_removed ON public.projects USING btree (removed_at) WHERE (removed_at IS NOT NULL)
  CREATE INDEX projects_to_poll ON public.projects USING btree (poll_next_at) WHERE (poll_next_at IS NOT NULL)

proposals
  id text not null
  organisation_id text not null
  verb text not null
  project_id text
  context_id text
  digest text not null
  request jsonb
  state text not null default 'waiting'::text
  proposed_by text not null
  proposed_at timestamp with time zone not null default now()
  expires_at timestamp with time zone not null
  decided_by text
  decided_at timestamp with time zone
  proposals_check: CHECK (((state = 'waiting'::text) = (request IS NOT NULL)))
  proposals_check1: CHECK (((state = ANY (ARRAY['accepted'::text, 'withdrawn'::text])) = ((decided_by IS NOT NULL) AND (decided_at IS NOT NULL))))
  proposals_context_id_check: CHECK ((context_id ~~ 'ctx\_%'::text))
  proposals_decided_by_check: CHECK (((length(decided_by) >= 1) AND (length(decided_by) <= 64)))
  proposals_digest_check: CHECK ((digest ~ '^[0-9a-f]{64}$'::text))
  proposals_id_check: CHECK ((id ~~ 'prp\_%'::text))
  proposals_organisation_id_digest_key: UNIQUE (organisation_id, digest)
  proposals_organisation_id_fkey: FOREIGN KEY (organisation_id) REFERENCES organisations(id)
  proposals_pkey: PRIMARY KEY (id)
  proposals_proposed_by_check: CHECK (((length(proposed_by) >= 1) AND (length(proposed_by) <= 64)))
  proposals_state_check: CHECK ((state = ANY (ARRAY['waiting'::text, 'accepted'::text, 'withdrawn'::text, 'expired'::text])))
  proposals_verb_check: CHECK ((verb = ANY (ARRAY['secret.put'::text, 'secret.set'::text, 'context.put'::text, 'rules.set'::text, 'project.admit'::text])))
  CREATE UNIQUE INDEX proposals_organisation_id_digest_key ON public.proposals USING btree (organisation_id, digest)
  CREATE UNIQUE INDEX proposals_pkey ON public.proposals USING btree (id)
  CREATE INDEX proposals_waiting ON public.proposals USING btree (organisation_id, proposed_at) WHERE (state = 'waiting'::text)

refused_calls
  project_id text not null
  calls bigint not null
  since timestamp with time zone not null default now()
  last_at timestamp with time zone not null default now()
  refused_calls_calls_check: CHECK ((calls > 0))
  refused_calls_check: CHECK ((since <= last_at))
  refused_calls_pkey: PRIMARY KEY (project_id)
  refused_calls_project_id_fkey: FOREIGN KEY (project_id) REFERENCES projects(id) ON DELETE CASCADE
  CREATE UNIQUE INDEX refused_calls_pkey ON public.refused_calls USING btree (project_id)

run_views
  id text not null
  user_id text not null
  name text not null
  query text not null
  created_at timestamp with time zone not null default now()
  run_views_id_check: CHECK ((id ~~ 'viw\_%'::text))
  run_views_name_check: CHECK (((length(name) >= 1) AND (length(name) <= 64)))
  run_views_pkey: PRIMARY KEY (id)
  run_views_query_check: CHECK ((length(query) <= 2000))
  run_views_user_id_fkey: FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE
  run_views_user_id_name_key: UNIQUE (user_id, name)
  CREATE UNIQUE INDEX run_views_pkey ON public.run_views USING btree (id)
  CREATE UNIQUE INDEX run_views_user_id_name_key ON public.run_views USING btree (user_id, name)

runners
  id text not null
  name text not null
  public_key bytea not null
  status text not null default 'enrolled'::text
  status_reason text
  session bigint not null default 0
  session_boot text not null default ''::text
  session_iat bigint not null default 0
  facts jsonb
  last_seen_at timestamp with time zone
  created_at timestamp with time zone not null default now()
  runners_id_check: CHECK ((id ~~ 'rnr\_%'::text))
  runners_name_check: CHECK (((length(name) >= 1) AND (length(name) <= 64)))
  runners_pkey: PRIMARY KEY (id)
  runners_public_key_check: CHECK ((length(public_key) = 32))
  runners_public_key_key: UNIQUE (public_key)
  runners_status_check: CHECK ((status = ANY (ARRAY['enrolled'::text, 'suspended'::text, 'revoked'::text])))
  CREATE UNIQUE INDEX runners_pkey ON public.runners USING btree (id)
  CREATE UNIQUE INDEX runners_public_key_key ON public.runners USING btree (public_key)

runs
  id text not null
  organisation_id text not null
  project_id text not null
  number integer not null
  rev integer not null default 1
  status text not null
  event_kind text not null
  ref text not null
  commit text not null
  branch text
  tag text
  subject text
  author text
  headline text
  delivery_id text
  started_by text not null
  cancelled_by text
  plan_digest text
  created_at timestamp with time zone not null default now()
  started_at timestamp with time zone
  finished_at timestamp with time zone
  rerun_at timestamp with time zone
  rerun_by text
  superseded_by text
  parameters jsonb not null default '{}'::jsonb
  schedule jsonb
  traced_at timestamp with time zone
  rerun_failed_tests boolean not null default false
  change jsonb
  reruns integer not null default 0
  runs_commit_check: CHECK ((commit ~ '^([0-9a-f]{40}|[0-9a-f]{64})$'::text))
  runs_delivery_id_fkey: FOREIGN KEY (delivery_id) REFERENCES deliveries(id) ON DELETE SET NULL
  runs_event_kind_check: CHECK ((event_kind = ANY (ARRAY['push'::text, 'manual'::text, 'schedule'::text, 'local'::text])))
  runs_id_check: CHECK ((id ~~ 'run\_%'::text))
  runs_number_check: CHECK ((number > 0))
  runs_organisation_id_fkey: FOREIGN KEY (organisation_id) REFERENCES organisations(id)
  runs_pkey: PRIMARY KEY (id)
  runs_project_id_fkey: FOREIGN KEY (project_id) REFERENCES projects(id) ON DELETE CASCADE
  runs_project_id_number_key: UNIQUE (project_id, number)
  runs_reruns_check: CHECK ((reruns >= 0))
  runs_status_check: CHECK ((status = ANY (ARRAY['waiting'::text, 'queued'::text, 'on_hold'::text, 'running'::text, 'passed'::text, 'unstable'::text, 'failed'::text, 'timed_out'::text, 'errored'::text, 'cancelled'::text, 'skipped'::text])))
  runs_superseded_by_fkey: FOREIGN KEY (superseded_by) REFERENCES runs(id) ON DELETE SET NULL
  CREATE INDEX runs_by_author ON public.runs USING btree (organisation_id, author, id DESC) WHERE (author IS NOT NULL)
  CREATE INDEX runs_by_branch ON public.runs USING btree (organisation_id, branch, id DESC) WHERE (branch IS NOT NULL)
  CREATE INDEX runs_by_commit ON public.runs USING btree (organisation_id, commit text_pattern_ops)
  CREATE INDEX runs_by_event ON public.runs USING btree (organisation_id, event_kind, id DESC) WHERE (event_kind <> 'push'::text)
  CREATE INDEX runs_by_organisation ON public.runs USING btree (organisation_id, id DESC)
  CREATE INDEX runs_by_person ON public.runs USING btree (organisation_id, started_by, id DESC) WHERE (started_by ~~ 'usr\_%'::text)
  CREATE INDEX runs_by_project ON public.runs USING btree (project_id, id DESC)
  CREATE INDEX runs_by_status ON public.runs USING btree (organisation_id, status, id DESC)
  CREATE INDEX runs_of_delivery ON public.runs USING btree (delivery_id) WHERE (delivery_id IS NOT NULL)
  CREATE INDEX runs_passed ON public.runs USING btree (project_id, id DESC) WHERE (status = 'passed'::text)
  CREATE UNIQUE INDEX runs_pkey ON public.runs USING btree (id)
  CREATE UNIQUE INDEX runs_project_id_number_key ON public.runs USING btree (project_id, number)
  CREATE INDEX runs_superseded ON public.runs USING btree (superseded_by) WHERE (superseded_by IS NOT NULL)
  CREATE INDEX runs_unfinished ON public.runs USING btree (project_id, ref) WHERE (finished_at IS NULL)

schedules
  id text not null
  organisation_id text not null
  project_id text not null
  name text not null
  cron text not null
  zone text not null
  ref text
  parameters jsonb not null default '{}'::jsonb
  paused boolean not null default false
  created_by text not null
  created_at timestamp with time zone not null default now()
  next_at timestamp with time zone
  last_at timestamp with time zone
  last_run_id text
  missed integer not null default 0
  workflow text
  fresh boolean not null default false
  reckoned_at timestamp with time zone not null default now()
  schedules_check: CHECK ((paused = (next_at IS NULL)))
  schedules_created_by_check: CHECK (((length(created_by) >= 1) AND (length(created_by) <= 64)))
  schedules_cron_check: CHECK (((length(cron) >= 9) AND (length(cron) <= 200)))
  schedules_id_check: CHECK ((id ~~ 'sch\_%'::text))
  schedules_last_run_id_fkey: FOREIGN KEY (last_run_id) REFERENCES runs(id) ON DELETE SET NULL
  schedules_missed_check: CHECK ((missed >= 0))
  schedules_name_check: CHECK (((length(name) >= 1) AND (length(name) <= 64)))
  schedules_organisation_id_fkey: FOREIGN KEY (organisation_id) REFERENCES organisations(id)
  schedules_pkey: PRIMARY KEY (id)
  schedules_project_id_fkey: FOREIGN KEY (project_id) REFERENCES projects(id) ON DELETE CASCADE
  schedules_ref_check: CHECK (((length(ref) >= 1) AND (length(ref) <= 255)))
  schedules_workflow_check: CHECK (((length(workflow) >= 1) AND (length(workflow) <= 1024)))
  schedules_zone_check: CHECK (((length(zone) >= 1) AND (length(zone) <= 64)))
  CREATE INDEX schedules_due ON public.schedules USING btree (next_at) WHERE (next_at IS NOT NULL)
  CREATE UNIQUE INDEX schedules_of_configuration ON public.schedules USING btree (project_id, workflow, cron) WHERE (workflow IS NOT NULL)
  CREATE UNIQUE INDEX schedules_of_project ON public.schedules USING btree (project_id, name) WHERE (workflow IS NULL)
  CREATE INDEX schedules_of_run ON public.schedules USING btree (last_run_id) WHERE (last_run_id IS NOT NULL)
  CREATE UNIQUE INDEX schedules_pkey ON public.schedules USING btree (id)
  CREATE INDEX schedules_reckoned ON public.schedules USING btree (reckoned_at) WHERE (next_at IS NOT NULL)

secrets
  id text not null
  organisation_id text not null
  project_id text
  name text not null
  kind text not null
  version integer not null
  state text not null
  changed_at timestamp with time zone not null default now()
  changed_by text not null
  context_id text
  created_by text
  put_by text
  secrets_changed_by_check: CHECK (((length(changed_by) >= 1) AND (length(changed_by) <= 64)))
  secrets_context_id_check: CHECK ((context_id ~~ 'ctx\_%'::text))
  secrets_context_name: UNIQUE (context_id, name)
  secrets_created_by_check: CHECK (((length(created_by) >= 1) AND (length(created_by) <= 64)))
  secrets_id_check: CHECK ((id ~~ 'sec\_%'::text))
  secrets_kind_check: CHECK ((kind = ANY (ARRAY['env'::text, 'file'::text, 'ssh'::text, 'signing'::text])))
  secrets_name_check: CHECK ((name ~ '^[A-Za-z_][A-Za-z0-9_]{0,127}$'::text))
  secrets_organisation_id_fkey: FOREIGN KEY (organisation_id) REFERENCES organisations(id)
  secrets_owner: CHECK (((project_id IS NULL) <> (context_id IS NULL)))
  secrets_pkey: PRIMARY KEY (id)
  secrets_project_id_fkey: FOREIGN KEY (project_id) REFERENCES projects(id) ON DELETE CASCADE
  secrets_project_id_name_key: UNIQUE (project_id, name)
  secrets_put_by_check: CHECK (((length(put_by) >= 1) AND (length(put_by) <= 64)))
  secrets_state_check: CHECK ((state = ANY (ARRAY['active'::text, 'disabled'::text, 'revoked'::text])))
  secrets_version_check: CHECK ((version > 0))
  CREATE UNIQUE INDEX secrets_context_name ON public.secrets USING btree (context_id, name)
  CREATE UNIQUE INDEX secrets_pkey ON public.secrets USING btree (id)
  CREATE UNIQUE INDEX secrets_project_id_name_key ON public.secrets USING btree (project_id, name)

sessions
  id text not null
  token_hash bytea not null
  user_id text not null
  created_at timestamp with time zone not null default now()
  last_seen_at timestamp with time zone not null default now()
  expires_at timestamp with time zone not null
  how text
  browser text
  proved_at timestamp with time zone not null default now()
  former_hash bytea
  address text
  came_after jsonb
  sessions_address_check: CHECK ((length(address) <= 64))
  sessions_browser_check: CHECK ((length(browser) <= 64))
  sessions_former_hash_check: CHECK ((length(former_hash) = 32))
  sessions_how_check: CHECK ((length(how) <= 32))
  sessions_id_check: CHECK ((id ~~ 'ses\_%'::text))
  sessions_pkey: PRIMARY KEY (id)
  sessions_token_hash_check: CHECK ((length(token_hash) = 32))
  sessions_token_hash_key: UNIQUE (token_hash)
  sessions_user_id_fkey: FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE
  CREATE INDEX sessions_expiry ON public.sessions USING btree (expires_at)
  CREATE UNIQUE INDEX sessions_former_hash ON public.sessions USING btree (former_hash) WHERE (former_hash IS NOT NULL)
  CREATE INDEX sessions_of_user ON public.sessions USING btree (user_id)
  CREATE UNIQUE INDEX sessions_pkey ON public.sessions USING btree (id)
  CREATE UNIQUE INDEX sessions_token_hash_key ON public.sessions USING btree (token_hash)

steps
  attempt_id text not null
  index integer not null
  name text not null
  type text not null
  status text not null
  started_at timestamp with time zone not null
  duration_ms bigint
  exit_code integer
  message text
  leftovers integer not null default 0
  cache text
  steps_attempt_id_fkey: FOREIGN KEY (attempt_id) REFERENCES attempts(id) ON DELETE CASCADE
  steps_cache_check: CHECK ((cache = ANY (ARRAY['exact'::text, 'prefix'::text, 'miss'::text])))
  steps_pkey: PRIMARY KEY (attempt_id, index)
  steps_status_check: CHECK ((status = ANY (ARRAY['running'::text, 'passed'::text, 'failed'::text, 'timed_out'::text, 'cancelled'::text, 'skipped'::text])))
  CREATE UNIQUE INDEX steps_pkey ON public.steps USING btree (attempt_id, index)

stored_objects
  id text not null
  organisation_id text not null
  project_id text not null
  run_id text not null
  job_id text not null
  attempt_id text not null
  kind text not null
  scope text not null
  cache_key text
  state text not null default 'coming'::text
  sha256 text
  size_bytes bigint
  manifest text
  wrapped_key text
  created_at timestamp with time zone not null default now()
  used_at timestamp with time zone not null default now()
  keep_days smallint
  stored_objects_attempt_id_fkey: FOREIGN KEY (attempt_id) REFERENCES attempts(id) ON DELETE CASCADE
  stored_objects_cache_key_check: CHECK (((length(cache_key) >= 1) AND (length(cache_key) <= 900)))
  stored_objects_check: CHECK (((kind = 'cache'::text) = (cache_key IS NOT NULL)))
  stored_objects_check1: CHECK (((state = 'coming'::text) OR (num_nulls(sha256, size_bytes, manifest, wrapped_key) = 0)))
  stored_objects_check2: CHECK (((keep_days IS NULL) OR ((kind = 'cache'::text) AND ((keep_days >= 1) AND (keep_days <= 15)))))
  stored_objects_id_check: CHECK ((id ~~ 'obj\_%'::text))
  stored_objects_job_id_fkey: FOREIGN KEY (job_id) REFERENCES jobs(id) ON DELETE CASCADE
  stored_objects_kind_check: CHECK ((kind = ANY (ARRAY['workspace'::text, 'cache'::text, 'artifacts'::text, 'tests'::text])))
  stored_objects_organisation_id_fkey: FOREIGN KEY (organisation_id) REFERENCES organisations(id)
  stored_objects_pkey: PRIMARY KEY (id)
  stored_objects_project_id_fkey: FOREIGN KEY (project_id) REFERENCES projects(id) ON DELETE CASCADE
  stored_objects_run_id_fkey: FOREIGN KEY (run_id) REFERENCES runs(id) ON DELETE CASCADE
  stored_objects_scope_check: CHECK (((length(scope) >= 1) AND (length(scope) <= 1100)))
  stored_objects_sha256_check: CHECK ((length(sha256) = 64))
  stored_objects_size_bytes_check: CHECK ((size_bytes > 0))
  stored_objects_state_check: CHECK ((state = ANY (ARRAY['coming'::text, 'kept'::text])))
  CREATE UNIQUE INDEX stored_cache_keys ON public.stored_objects USING btree (project_id, scope, cache_key) WHERE ((kind = 'cache'::text) AND (state = 'kept'::text))
  CREATE INDEX stored_objects_by_use ON public.stored_objects USING btree (used_at)
  CREATE INDEX stored_objects_of_attempt ON public.stored_objects USING btree (attempt_id)
  CREATE INDEX stored_objects_of_job ON public.stored_objects USING btree (job_id)
  CREATE INDEX stored_objects_of_run ON public.stored_objects USING btree (run_id, kind)
  CREATE UNIQUE INDEX stored_objects_pkey ON public.stored_objects USING btree (id)
  CREATE INDEX stored_tests ON public.stored_objects USING btree (project_id, scope, run_id) WHERE ((kind = 'tests'::text) AND (state = 'kept'::text))

test_results
  object_id text not null
  failed integer not null
  skipped integer not null
  passed integer not null
  duration_ms bigint not null
  size_bytes bigint not null
  length_bytes bigint not null
  test_results_duration_ms_check: CHECK ((duration_ms >= 0))
  test_results_failed_check: CHECK ((failed >= 0))
  test_results_length_bytes_check: CHECK ((length_bytes > 0))
  test_results_object_id_fkey: FOREIGN KEY (object_id) REFERENCES stored_objects(id) ON DELETE CASCADE
  test_results_passed_check: CHECK ((passed >= 0))
  test_results_pkey: PRIMARY KEY (object_id)
  test_results_size_bytes_check: CHECK ((size_bytes > 0))
  test_results_skipped_check: CHECK ((skipped >= 0))
  CREATE UNIQUE INDEX test_results_pkey ON public.test_results USING btree (object_id)

test_timings
  workflow_id text not null
  job_key text not null
  objects text[] not null
  given boolean not null default false
  test_timings_pkey: PRIMARY KEY (workflow_id, job_key)
  test_timings_workflow_id_fkey: FOREIGN KEY (workflow_id) REFERENCES workflows(id) ON DELETE CASCADE
  CREATE UNIQUE INDEX test_timings_pkey ON public.test_timings USING btree (workflow_id, job_key)

users
  id text not null
  organisation_id text not null
  name text not null
  email text not null
  role text not null
  created_at timestamp with time zone not null default now()
  disabled_at timestamp with time zone
  last_sign_in jsonb
  time_zone text
  clock_hours smallint
  letter_keys boolean not null default true
  users_clock_hours_check: CHECK ((clock_hours = ANY (ARRAY[12, 24])))
  users_email_check: CHECK (((length(email) >= 3) AND (length(email) <= 254)))
  users_id_check: CHECK ((id ~~ 'usr\_%'::text))
  users_name_check: CHECK (((length(name) >= 1) AND (length(name) <= 100)))
  users_organisation_id_fkey: FOREIGN KEY (organisation_id) REFERENCES organisations(id)
  users_pkey: PRIMARY KEY (id)
  users_role_check: CHECK ((role = ANY (ARRAY['owner'::text, 'developer'::text, 'viewer'::text])))
  users_time_zone_check: CHECK (((length(time_zone) >= 1) AND (length(time_zone) <= 64)))
  CREATE UNIQUE INDEX users_email ON public.users USING btree (lower(email))
  CREATE UNIQUE INDEX users_pkey ON public.users USING btree (id)

webhook_deliveries
  webhook_id text not null
  id text not null
  event text not null
  run_id text
  workflow_id text
  job_id text
  status text
  occurred_at timestamp with time zone not null default now()
  body text
  state text not null default 'waiting'::text
  tries integer not null default 0
  next_at timestamp with time zone
  webhook_deliveries_body_check: CHECK ((octet_length(body) <= 20480))
  webhook_deliveries_check: CHECK (((state = 'waiting'::text) = (next_at IS NOT NULL)))
  webhook_deliveries_id_check: CHECK ((id ~~ 'msg\_%'::text))
  webhook_deliveries_pkey: PRIMARY KEY (webhook_id, id)
  webhook_deliveries_state_check: CHECK ((state = ANY (ARRAY['waiting'::text, 'delivered'::text, 'failed'::text, 'dropped'::text])))
  webhook_deliveries_tries_check: CHECK ((tries >= 0))
  webhook_deliveries_webhook_id_fkey: FOREIGN KEY (webhook_id) REFERENCES webhooks(id) ON DELETE CASCADE
  CREATE INDEX webhook_deliveries_due ON public.webhook_deliveries USING btree (webhook_id, next_at) WHERE (next_at IS NOT NULL)
  CREATE INDEX webhook_deliveries_next ON public.webhook_deliveries USING btree (next_at) WHERE (next_at IS NOT NULL)
  CREATE INDEX webhook_deliveries_old ON public.webhook_deliveries USING btree (occurred_at)
  CREATE UNIQUE INDEX webhook_deliveries_pkey ON public.webhook_deliveries USING btree (webhook_id, id)

webhook_tries
  webhook_id text not null
  delivery_id text not null
  number integer not null
  at timestamp with time zone not null
  took_ms integer
  response integer
  problem text
  answer text
  webhook_tries_answer_check: CHECK ((length(answer) <= 1024))
  webhook_tries_number_check: CHECK ((number >= 1))
  webhook_tries_pkey: PRIMARY KEY (webhook_id, delivery_id, number)
  webhook_tries_problem_check: CHECK (((length(problem) >= 1) AND (length(problem) <= 64)))
  webhook_tries_response_check: CHECK (((response >= 100) AND (response <= 999)))
  webhook_tries_took_ms_check: CHECK ((took_ms >= 0))
  webhook_tries_webhook_id_delivery_id_fkey: FOREIGN KEY (webhook_id, delivery_id) REFERENCES webhook_deliveries(webhook_id, id) ON DELETE CASCADE
  CREATE UNIQUE INDEX webhook_tries_pkey ON public.webhook_tries USING btree (webhook_id, delivery_id, number)

webhooks
  id text not null
  organisation_id text not null
  project_id text not null
  name text not null
  url text not null
  format text not null
  events text[] not null
  disabled text
  public_key text not null
  rotated_at timestamp with time zone
  overlap_until timestamp with time zone
  created_by text not null
  created_at timestamp with time zone not null default now()
  webhooks_created_by_check: CHECK (((length(created_by) >= 1) AND (length(created_by) <= 64)))
  webhooks_disabled_check: CHECK ((disabled = ANY (ARRAY['person'::text, 'gone'::text])))
  webhooks_events_check: CHECK (((cardinality(events) >= 1) AND (cardinality(events) <= 16)))
  webhooks_format_check: CHECK ((format = ANY (ARRAY['standard'::text, 'cloudevents'::text, 'circleci'::text])))
  webhooks_id_check: CHECK ((id ~~ 'whk\_%'::text))
  webhooks_name_check: CHECK (((length(name) >= 1) AND (length(name) <= 64)))
  webhooks_organisation_id_fkey: FOREIGN KEY (organisation_id) REFERENCES organisations(id)
  webhooks_pkey: PRIMARY KEY (id)
  webhooks_project_id_fkey: FOREIGN KEY (project_id) REFERENCES projects(id) ON DELETE CASCADE
  webhooks_project_id_name_key: UNIQUE (project_id, name)
  webhooks_public_key_check: CHECK ((public_key ~~ 'whpk\_%'::text))
  webhooks_url_check: CHECK (((length(url) >= 8) AND (length(url) <= 2000)))
  CREATE UNIQUE INDEX webhooks_pkey ON public.webhooks USING btree (id)
  CREATE UNIQUE INDEX webhooks_project_id_name_key ON public.webhooks USING btree (project_id, name)

workflows
  id text not null
  run_id text not null
  position integer not null
  name text not null
  status text not null
  continued boolean not null default false
  reruns_left integer not null default 0
  workflows_id_check: CHECK ((id ~~ 'wfl\_%'::text))
  workflows_pkey: PRIMARY KEY (id)
  workflows_reruns_left_check: CHECK (((reruns_left >= 0) AND (reruns_left <= 5)))
  workflows_run_id_fkey: FOREIGN KEY (run_id) REFERENCES runs(id) ON DELETE CASCADE
  workflows_run_id_position_key: UNIQUE (run_id, "position")
  workflows_status_check: CHECK ((status = ANY (ARRAY['waiting'::text, 'queued'::text, 'on_hold'::text, 'running'::text, 'passed'::text, 'unstable'::text, 'failed'::text, 'timed_out'::text, 'errored'::text, 'cancelled'::text, 'skipped'::text])))
  CREATE UNIQUE INDEX workflows_pkey ON public.workflows USING btree (id)
  CREATE UNIQUE INDEX workflows_run_id_position_key ON public.workflows USING btree (run_id, "position")
