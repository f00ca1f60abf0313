-- not breaking: a column.
-- What a step that restores a cache found; null: it restores none, or its runner did not tell.
alter table steps add column cache text check (cache in ('exact', 'prefix', 'miss'));
