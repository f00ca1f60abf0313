-- not breaking: a table of its own.
-- Signed changes that wait for a second person: what the vault would be asked, as it was sent. The vault judges both signatures; here
-- they only lie. A sealed value lies here as long as the change waits, and no longer.
create table proposals (
  id text primary key check (id like 'prp\_%'),
  organisation_id text not null references organisations (id),
  verb text not null check (verb in ('secret.put', 'secret.set', 'context.put', 'rules.set')),
  project_id text,
  context_id text check (context_id like 'ctx\_%'),
  -- of the signed statement: the same one again waits once
  digest text not null check (digest ~ '^[0-9a-f]{64}$'),
  request jsonb,
  state text not null default 'waiting' check (state in ('waiting', 'accepted', 'withdrawn', 'expired')),
  proposed_by text not null check (length(proposed_by) between 1 and 64),
  proposed_at timestamptz not null default now(),
  expires_at timestamptz not null,
  decided_by text check (length(decided_by) between 1 and 64),
  decided_at timestamptz,
  unique (organisation_id, digest),
  check ((state = 'waiting') = (request is not null)),
  check ((state in ('accepted', 'withdrawn')) = (decided_by is not null and decided_at is not null))
);
create index proposals_waiting on proposals (organisation_id, proposed_at) where state = 'waiting';
