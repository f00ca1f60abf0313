-- not breaking: columns that may be empty, and an index.
-- A run whose inputs are those of an earlier plan of its project takes over that plan.

-- Of an attempt of a plan: what its runner compiles with. Empty when the runner does not say.
alter table attempts add column compiler text check (length(compiler) <= 128);

alter table plans
  -- whose plan this is a copy of; empty for one that was made for its own run
  add column from_run_id text references runs (id) on delete set null,
  -- everything besides the commit's files that the compiler was given
  add column inputs_key text generated always as (md5((plan -> 'inputs')::text)) stored;
create index plans_known on plans (inputs_key) where plan is not null and from_run_id is null;
