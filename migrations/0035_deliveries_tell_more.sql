-- not breaking: a column that is empty for what there is, and a table that nothing else needs.
-- What a delivery tells of its commit that Git does not say: its page, and what the source host calls its author.
alter table deliveries add column told_commit jsonb;

-- Calls of a hook beyond the rate limit, which nobody read: one row for a project, however many there are.
create table refused_calls (
  project_id text primary key references projects (id) on delete cascade,
  calls bigint not null check (calls > 0),
  since timestamptz not null default now(),
  last_at timestamptz not null default now(),
  check (since <= last_at)
);
