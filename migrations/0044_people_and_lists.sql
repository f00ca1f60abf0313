-- not breaking: columns that have a default or may be empty, a table of its own, further indexes.
-- When a session last proved who sits there, where it came from and what came before it; the token it had before it was proven
-- again, for requests that were under way. What a person chose for their pages, and the views they saved. Indexes of filters.
alter table sessions add column proved_at timestamptz;
update sessions set proved_at = created_at;
alter table sessions alter column proved_at set default now();
alter table sessions alter column proved_at set not null;
alter table sessions add column former_hash bytea check (length(former_hash) = 32);
create unique index sessions_former_hash on sessions (former_hash) where former_hash is not null;
alter table sessions add column address text check (length(address) <= 64);
alter table sessions add column came_after jsonb;

alter table passkey_challenges drop constraint passkey_challenges_purpose_check;
alter table passkey_challenges add check (purpose in ('claim', 'sign-in', 'add', 'prove'));

alter table users add column last_sign_in jsonb;
alter table users add column time_zone text check (length(time_zone) between 1 and 64);
alter table users add column clock_hours smallint check (clock_hours in (12, 24));
alter table users add column letter_keys boolean not null default true;

create table run_views (
  id text primary key check (id like 'viw\_%'),
  user_id text not null references users (id) on delete cascade,
  name text not null check (length(name) between 1 and 64),
  query text not null check (length(query) <= 2000),
  created_at timestamptz not null default now(),
  unique (user_id, name)
);

alter table runs add column reruns integer not null default 0 check (reruns >= 0);
update runs set reruns = 1 where rerun_at is not null;
create index runs_by_branch on runs (organisation_id, branch, id desc) where branch is not null;
create index runs_by_author on runs (organisation_id, author, id desc) where author is not null;
create index runs_by_person on runs (organisation_id, started_by, id desc) where started_by like 'usr\_%';
create index runs_by_event on runs (organisation_id, event_kind, id desc) where event_kind <> 'push';
