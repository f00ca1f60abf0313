-- not breaking: columns with a default, or that may be empty, a table and indexes.
-- Where a delivery came from, replays, and projects whose source host is asked instead of calling us.

alter table deliveries
  -- who told us: our hook script, another tool, our own look at the source host, a person who wanted it again
  add column source text not null default 'hook' check (source in ('hook', 'webhook', 'poll', 'replay')),
  add column replay_of text references deliveries (id) on delete set null,
  add column replayed_by text check (length(replayed_by) between 1 and 64),
  -- told by a hook and found by polling, too: one push
  add column twice boolean not null default false,
  add check ((source = 'replay') = (replayed_by is not null));
create index deliveries_of_commit on deliveries (project_id, ref, new_commit);
create index deliveries_replays on deliveries (replay_of) where replay_of is not null;

alter table projects
  add column poll_seconds integer check (poll_seconds between 30 and 86400),
  add column poll_next_at timestamptz,
  -- looks in a row that found nothing out; the one under way counts until it has answered
  add column poll_failures integer not null default 0,
  -- when the last look began that was answered; from then on what changes is a delivery
  add column polled_at timestamptz,
  add check ((poll_seconds is null) = (poll_next_at is null));
create index projects_to_poll on projects (poll_next_at) where poll_next_at is not null;

-- what the last look at a source host saw
create table known_refs (
  project_id text not null references projects (id) on delete cascade,
  ref text not null check (length(ref) between 1 and 255),
  commit text not null check (commit ~ '^([0-9a-f]{40}|[0-9a-f]{64})$'),
  primary key (project_id, ref)
);
