-- not breaking: columns that may be empty, and an index.
-- Serial groups, locks, and workflows that are rerun by themselves (docs/decisions/0026).

alter table jobs
  -- a lock of the organisation: the job's serial group, or what it locks or unlocks
  add column lock_name text check (length(lock_name) between 1 and 512),
  -- 'held' also after a job that locks has passed, until it lets go
  add column lock_state text check (lock_state in ('free', 'asked', 'held')),
  -- when it asked: the order of those in line
  add column lock_asked_at timestamptz,
  add check ((lock_name is null) = (lock_state is null)),
  add check (lock_state is distinct from 'asked' or (status = 'waiting' and lock_asked_at is not null));

create index jobs_in_line on jobs (organisation_id, lock_name, lock_asked_at, id) where lock_state in ('asked', 'held');
-- Its shards hold a lock together, from the same grant to the same end: the first stands for all.
create unique index jobs_lock_holder on jobs (organisation_id, lock_name) where lock_state = 'held' and shard = 0;

alter table workflows
  -- how often it is still rerun from failed by itself
  add column reruns_left integer not null default 0 check (reruns_left between 0 and 5);
