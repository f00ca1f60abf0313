-- not breaking: a table of its own.
-- Which backups were made and proven. The files lie where the operator put them.
create table backups (
  id text primary key check (id like 'bak\_%'),
  made_at timestamptz not null,
  bytes bigint not null check (bytes > 0),
  verified_at timestamptz
);
create index backups_by_age on backups (made_at desc);
