-- not breaking: a table of its own.
-- What the vault said about the secrets of projects when they changed: names and versions, for whoever leases a job and for
-- the record of who changed what. Values, policies and last use are the vault's alone.

create table secrets (
  id text primary key check (id like 'sec\_%'),
  organisation_id text not null references organisations (id),
  project_id text not null references projects (id) on delete cascade,
  name text not null check (name ~ '^[A-Za-z_][A-Za-z0-9_]{0,127}$'),
  kind text not null check (kind in ('env', 'file')),
  version integer not null check (version > 0),
  state text not null check (state in ('active', 'revoked')),
  changed_at timestamptz not null default now(),
  -- usr_, tok_ or operator: who sent the statement; who signed it the vault knows
  changed_by text not null check (length(changed_by) between 1 and 64),
  unique (project_id, name)
);
