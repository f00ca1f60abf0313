-- not breaking: one more kind of stored object, and a table of its own.
-- Results of tests: what they were called and what they said lies in the object; here stands how many there are.
alter table stored_objects drop constraint stored_objects_kind_check;
alter table stored_objects add constraint stored_objects_kind_check check (kind in ('workspace', 'cache', 'artifacts', 'tests'));

create table test_results (
  object_id text primary key references stored_objects (id) on delete cascade,
  failed integer not null check (failed >= 0),
  skipped integer not null check (skipped >= 0),
  passed integer not null check (passed >= 0),
  duration_ms bigint not null check (duration_ms >= 0),
  -- Of its lines, and of their compressed bytes in the plaintext of the object.
  size_bytes bigint not null check (size_bytes > 0),
  length_bytes bigint not null check (length_bytes > 0)
);
