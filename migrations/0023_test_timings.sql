-- not breaking: a table of its own, an index, and a column that is false for what there is.
-- The results of earlier runs by which a job of this run splits its tests: the same for all its shards, from the first that asks.
create table test_timings (
  workflow_id text not null references workflows (id) on delete cascade,
  job_key text not null,
  objects text[] not null,
  -- Whether a shard has got them: then no other may get less.
  given boolean not null default false,
  primary key (workflow_id, job_key)
);
-- Later runs look for those of a job in a scope, the newest first.
create index stored_tests on stored_objects (project_id, scope, run_id) where kind = 'tests' and state = 'kept';
-- The last rerun is of what failed, and hands out only the tests that failed.
alter table runs add column rerun_failed_tests boolean not null default false;
