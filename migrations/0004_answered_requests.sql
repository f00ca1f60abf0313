-- not breaking: a table of its own.
-- What was answered to a request with an Idempotency-Key, so that it is carried out once; kept for a day.

create table answered_requests (
  -- usr_, tok_ or operator: keys of different people never meet
  actor text not null check (length(actor) between 1 and 64),
  -- SHA-256 of the key
  key_hash bytea not null check (length(key_hash) = 32),
  -- of route, address and body: the same key with another request is refused
  request_digest bytea not null check (length(request_digest) = 32),
  begun_at timestamptz not null default now(),
  -- empty while the request is under way, and after a crash in the middle of it
  answered_at timestamptz,
  -- JSON; empty where the answer held a secret that is shown once
  answer text check (answered_at is not null or answer is null),
  primary key (actor, key_hash)
);
create index answered_requests_age on answered_requests (begun_at);
