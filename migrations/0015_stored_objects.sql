-- not breaking: tables of their own.
-- What outlives the sandbox of an attempt besides its log: workspaces, caches, artifacts. The objects themselves are sealed
-- and lie in the object store; here stands whose they are, who may read them, and what their runner signed.
create table stored_objects (
  id text primary key check (id like 'obj\_%'),
  organisation_id text not null references organisations (id),
  project_id text not null references projects (id) on delete cascade,
  run_id text not null references runs (id) on delete cascade,
  job_id text not null references jobs (id) on delete cascade,
  attempt_id text not null references attempts (id) on delete cascade,
  kind text not null check (kind in ('workspace', 'cache', 'artifacts')),
  scope text not null check (length(scope) between 1 and 1100),
  cache_key text check (length(cache_key) between 1 and 900),
  state text not null default 'coming' check (state in ('coming', 'kept')),
  -- Hexadecimal SHA-256 of the sealed object, once it is there.
  sha256 text check (length(sha256) = 64),
  size_bytes bigint check (size_bytes > 0),
  manifest text,
  wrapped_key text,
  created_at timestamptz not null default now(),
  used_at timestamptz not null default now(),
  check ((kind = 'cache') = (cache_key is not null)),
  check (state = 'coming' or num_nulls(sha256, size_bytes, manifest, wrapped_key) = 0)
);
-- A key is written once in its scope.
create unique index stored_cache_keys on stored_objects (project_id, scope, cache_key) where kind = 'cache' and state = 'kept';
create index stored_objects_of_run on stored_objects (run_id, kind);
create index stored_objects_of_job on stored_objects (job_id);
create index stored_objects_of_attempt on stored_objects (attempt_id);
create index stored_objects_by_use on stored_objects (used_at);

create table artifacts (
  object_id text not null references stored_objects (id) on delete cascade,
  position integer not null check (position >= 0),
  path text not null check (length(path) between 1 and 4096),
  size_bytes bigint not null check (size_bytes >= 0),
  sha256 text not null check (length(sha256) = 64),
  -- Of its compressed bytes in the plaintext of the object.
  offset_bytes bigint not null check (offset_bytes >= 0),
  length_bytes bigint not null check (length_bytes > 0),
  primary key (object_id, position)
);
