-- not breaking: a column that is empty for what there is.
-- How many days after it was saved a cache ends, where its job says so (`retention` of CircleCI); empty: some time after its last use.
alter table stored_objects add column keep_days smallint check (keep_days is null or (kind = 'cache' and keep_days between 1 and 15));
