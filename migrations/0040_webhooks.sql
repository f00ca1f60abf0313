-- not breaking: tables of their own.
-- Webhooks out: the targets of a project, what they are told, and every try to tell it (docs/decisions/0048).

create table webhooks (
  id text primary key check (id like 'whk\_%'),
  organisation_id text not null references organisations (id),
  project_id text not null references projects (id) on delete cascade,
  name text not null check (length(name) between 1 and 64),
  url text not null check (length(url) between 8 and 2000),
  format text not null check (format in ('standard', 'cloudevents', 'circleci')),
  events text[] not null check (cardinality(events) between 1 and 16),
  -- empty: it is told; else who ended that: a person, or its own answer 410
  disabled text check (disabled in ('person', 'gone')),
  -- the half of its key pair that is no secret; the rest is in the vault
  public_key text not null check (public_key like 'whpk\_%'),
  rotated_at timestamptz,
  overlap_until timestamptz,
  created_by text not null check (length(created_by) between 1 and 64),
  created_at timestamptz not null default now(),
  unique (project_id, name)
);

-- one row for each target that is told of an event, written with what happened; the id is the same for all targets
create table webhook_deliveries (
  webhook_id text not null references webhooks (id) on delete cascade,
  id text not null check (id like 'msg\_%'),
  event text not null,
  -- empty: of a ping
  run_id text,
  workflow_id text,
  job_id text,
  -- what it was about had then
  status text,
  occurred_at timestamptz not null default now(),
  -- made for the first try and sent unchanged by all
  body text check (octet_length(body) <= 20480),
  state text not null default 'waiting' check (state in ('waiting', 'delivered', 'failed', 'dropped')),
  -- of this round; asking for it once more begins another
  tries integer not null default 0 check (tries >= 0),
  -- while it is being sent, when somebody else may take it to be lost
  next_at timestamptz,
  primary key (webhook_id, id),
  check ((state = 'waiting') = (next_at is not null))
);
create index webhook_deliveries_due on webhook_deliveries (webhook_id, next_at) where next_at is not null;
create index webhook_deliveries_next on webhook_deliveries (next_at) where next_at is not null;
create index webhook_deliveries_old on webhook_deliveries (occurred_at);

create table webhook_tries (
  webhook_id text not null,
  delivery_id text not null,
  number integer not null check (number >= 1),
  at timestamptz not null,
  -- empty while it is under way, and for ever when the server ended meanwhile
  took_ms integer check (took_ms >= 0),
  response integer check (response between 100 and 999),
  -- why there is no response
  problem text check (length(problem) between 1 and 64),
  -- the first bytes of what it answered, as text
  answer text check (length(answer) <= 1024),
  primary key (webhook_id, delivery_id, number),
  foreign key (webhook_id, delivery_id) references webhook_deliveries on delete cascade
);
