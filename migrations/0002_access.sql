-- not breaking: new tables only.
-- How people prove who they are, sessions, API tokens, the claim and attempt counters.
-- Tokens, session ids and claim links are stored as SHA-256 only: reading this database lets nobody in.

create table passwords (
  user_id text primary key references users (id) on delete cascade,
  -- PHC string `$argon2id$v=19$m=…`
  hash text not null check (hash like '$argon2id$%'),
  changed_at timestamptz not null default now()
);

create table passkeys (
  -- the authenticator's credential id, base64url
  id text primary key check (length(id) <= 1400),
  user_id text not null references users (id) on delete cascade,
  public_key bytea not null,
  counter bigint not null,
  transports text[] not null,
  created_at timestamptz not null default now(),
  last_used_at timestamptz
);
create index passkeys_of_user on passkeys (user_id);

-- Each challenge is answered once: the row is deleted by the statement that reads it.
create table passkey_challenges (
  challenge text primary key,
  purpose text not null check (purpose in ('claim', 'sign-in')),
  -- the id a new owner will get, so that the authenticator's user handle fits
  user_id text check (user_id like 'usr\_%'),
  expires_at timestamptz not null
);
create index passkey_challenges_expiry on passkey_challenges (expires_at);

create table sessions (
  id text primary key check (id like 'ses\_%'),
  token_hash bytea not null unique check (length(token_hash) = 32),
  user_id text not null references users (id) on delete cascade,
  created_at timestamptz not null default now(),
  last_seen_at timestamptz not null default now(),
  expires_at timestamptz not null
);
create index sessions_expiry on sessions (expires_at);

create table api_tokens (
  id text primary key check (id like 'tok\_%'),
  organisation_id text not null references organisations (id),
  -- null: a service token, made by the operator
  user_id text references users (id) on delete cascade,
  name text not null check (length(name) between 1 and 64),
  token_hash bytea not null unique check (length(token_hash) = 32),
  -- the first characters, so that a person recognises it
  prefix text not null,
  scopes text[] not null check (cardinality(scopes) between 1 and 32),
  created_by text not null,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null check (expires_at <= created_at + interval '366 days'),
  -- to the hour: enough to find unused tokens, too little to follow a person
  last_used_at timestamptz,
  revoked_at timestamptz
);
create index api_tokens_by_organisation on api_tokens (organisation_id, id desc);

-- The one-time link that makes the first owner. At most one row; none once it was used.
create table claims (
  single boolean primary key default true check (single),
  token_hash bytea not null check (length(token_hash) = 32),
  expires_at timestamptz not null
);

-- `sign-in:account:<hash>`, `sign-in:address:<address>`, …: tries since `window_start`, the first of them.
create table attempt_counters (
  key text primary key check (length(key) <= 200),
  window_start timestamptz not null,
  count integer not null
);
create index attempt_counters_age on attempt_counters (window_start);
