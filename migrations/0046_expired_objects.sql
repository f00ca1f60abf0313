-- not breaking: a table that older programs do not ask for, and an index.
-- What a retention rule removed: of which attempt, when, and after how many days. The thing itself is gone; whoever asks for it is told so.
create table expired_objects (
  -- Of a log the attempt, else the object.
  id text primary key,
  organisation_id text not null references organisations (id),
  project_id text not null references projects (id) on delete cascade,
  attempt_id text not null references attempts (id) on delete cascade,
  kind text not null check (kind in ('log', 'artifacts', 'tests')),
  days smallint not null check (days > 0),
  removed_at timestamptz not null default now(),
  check ((kind = 'log') = (id = attempt_id))
);
create index expired_objects_of_attempt on expired_objects (attempt_id);
create index log_objects_by_age on log_objects (stored_at);
