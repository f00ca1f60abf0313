-- not breaking
-- People, how they prove who they are, sessions, API tokens, the claim, attempt counters and the audit log.
-- Tokens, session ids and claim links are stored as SHA-256 only: reading this database lets nobody in.

create table person (
  id text primary key,
  name text not null check (length(name) between 1 and 100),
  email text not null check (length(email) <= 254),
  -- lower-case; what sign-in compares
  email_key text not null unique check (email_key = lower(email_key)),
  -- PHC string `$argon2id$v=19$m=…`; null: passkeys only
  password_hash text,
  created_at timestamptz not null default now()
);

create table membership (
  organisation_id text not null references organisation (id),
  person_id text not null references person (id),
  role text not null check (role in ('owner', 'developer', 'viewer')),
  created_at timestamptz not null default now(),
  primary key (organisation_id, person_id)
);
create index membership_person on membership (person_id);

create table credential (
  -- the authenticator's credential id, base64url
  id text primary key check (length(id) <= 1400),
  person_id text not null references person (id),
  public_key bytea not null,
  counter bigint not null,
  transports text[] not null,
  created_at timestamptz not null default now(),
  last_used_at timestamptz
);
create index credential_person on credential (person_id);

-- Each challenge is answered once: the row is deleted by the statement that reads it.
create table passkey_challenge (
  challenge text primary key,
  purpose text not null check (purpose in ('claim', 'sign-in')),
  -- the id a new owner will get, so that the authenticator's user handle fits
  person_id text,
  expires_at timestamptz not null
);
create index passkey_challenge_expiry on passkey_challenge (expires_at);

create table session (
  id text primary key,
  token_hash bytea not null unique check (length(token_hash) = 32),
  person_id text not null references person (id),
  created_at timestamptz not null default now(),
  last_seen_at timestamptz not null default now(),
  expires_at timestamptz not null
);
create index session_expiry on session (expires_at);

create table api_token (
  id text primary key,
  organisation_id text not null references organisation (id),
  -- null: a service token, made by the operator or an owner
  person_id text references person (id),
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
create index api_token_list on api_token (organisation_id, id);

-- The one-time link that makes the first owner. At most one row; none once it was used.
create table claim (
  single boolean primary key default true check (single),
  token_hash bytea not null check (length(token_hash) = 32),
  expires_at timestamptz not null
);

-- Fixed windows: `sign-in:account:<hash>`, `sign-in:address:<address>`, …
create table attempt_counter (
  key text not null,
  window_start timestamptz not null,
  count integer not null,
  primary key (key, window_start)
);
create index attempt_counter_age on attempt_counter (window_start);

-- Written in the transaction of the change it describes. No secret values, no log text, no free text from jobs.
create table audit_entry (
  id uuid primary key,
  at timestamptz not null default now(),
  organisation_id text references organisation (id),
  actor_kind text not null,
  actor_id text not null,
  action text not null,
  target text not null,
  result text not null check (result in ('ok', 'denied', 'error')),
  code text,
  facts jsonb not null default '{}'
);
create index audit_entry_time on audit_entry (organisation_id, at desc);
