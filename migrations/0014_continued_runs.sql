-- not breaking: a table of its own, and a column with a default.
-- A run of a setup configuration goes on once, with a second plan.

create table continuations (
  run_id text primary key references runs (id) on delete cascade,
  -- who went on with it; a later attempt of the same job finds it done
  job_id text not null references jobs (id) on delete cascade,
  attempt_id text not null references attempts (id) on delete cascade,
  digest text not null check (length(digest) = 64),
  plan jsonb not null,
  origins jsonb not null,
  problems jsonb not null,
  stored_at timestamptz not null default now()
);
create index continuations_of_job on continuations (job_id);
create index continuations_of_attempt on continuations (attempt_id);

-- Came with the second plan of its run.
alter table workflows add column continued boolean not null default false;
