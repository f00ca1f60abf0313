-- not breaking: a table of its own.
-- What people decided about jobs that wait for them. A rerun may ask again: decisions are added, none is replaced.

create table approvals (
  id bigint generated always as identity primary key,
  job_id text not null references jobs (id) on delete cascade,
  decision text not null check (decision in ('approved', 'rejected')),
  -- usr_, tok_ or operator
  decided_by text not null,
  decided_at timestamptz not null default now(),
  comment text check (length(comment) between 1 and 500)
);
create index approvals_of_job on approvals (job_id, id);
