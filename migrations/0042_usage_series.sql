-- not breaking: a table that older programs do not ask for.
-- What an attempt used over time (protocol/usage-series.ts), as its runner told it: bounded there and here. Text, because nothing
-- looks into it but who shows it.
create table attempt_usage (
  attempt_id text primary key references attempts (id) on delete cascade,
  series text not null check (octet_length(series) <= 32768)
);
