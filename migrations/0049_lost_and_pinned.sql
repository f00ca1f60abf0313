-- not breaking: a column that may be empty, a table of its own.
-- When the lease of an attempt was last renewed; null: never, or before this was kept. It is for people: what is lost is judged by the
-- number of renewals, never by a clock on the wall.
alter table attempts add column renewed_at timestamptz;
-- The line that a person marked as the error of an attempt. Only where it stands: what it says is in the sealed log.
create table pinned_errors (
  attempt_id text primary key references attempts (id) on delete cascade,
  step integer not null check (step between 0 and 65535),
  line bigint not null check (line between 1 and 4294967295),
  pinned_by text not null,
  pinned_at timestamptz not null default now()
);
