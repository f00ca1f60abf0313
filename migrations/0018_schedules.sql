-- not breaking: a table, and a column that may be empty.
-- Runs that begin at set times (docs/decisions/0028).

create table schedules (
  id text primary key check (id like 'sch\_%'),
  organisation_id text not null references organisations (id),
  project_id text not null references projects (id) on delete cascade,
  name text not null check (length(name) between 1 and 64),
  cron text not null check (length(cron) between 9 and 200),
  zone text not null check (length(zone) between 1 and 64),
  -- empty: the default branch, whatever it is then
  ref text check (length(ref) between 1 and 255),
  parameters jsonb not null default '{}',
  paused boolean not null default false,
  created_by text not null check (length(created_by) between 1 and 64),
  created_at timestamptz not null default now(),
  -- empty while it is paused
  next_at timestamptz,
  last_at timestamptz,
  last_run_id text references runs (id) on delete set null,
  -- how many times before the last one had passed without a run
  missed integer not null default 0 check (missed >= 0),
  unique (project_id, name),
  check (paused = (next_at is null))
);
create index schedules_due on schedules (next_at) where next_at is not null;
create index schedules_of_run on schedules (last_run_id) where last_run_id is not null;

-- the schedule that began it, as it was called then
alter table runs add column schedule jsonb;
