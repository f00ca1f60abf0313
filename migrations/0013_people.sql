-- not breaking: a table of its own, and columns that may be empty.
-- Further members come by an invitation: a link that is used once. Sessions say how and with what somebody came.
alter table sessions add column how text check (length(how) <= 32);
alter table sessions add column browser text check (length(browser) <= 64);
create index sessions_of_user on sessions (user_id);

create table invitations (
  id text primary key check (id like 'inv\_%'),
  organisation_id text not null references organisations (id),
  role text not null check (role in ('owner', 'developer', 'viewer')),
  token_hash bytea not null unique check (length(token_hash) = 32),
  created_by text not null,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null
);
create index invitations_expiry on invitations (expires_at);
