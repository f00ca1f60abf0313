-- not breaking: a column with a default.
-- When the next time of a schedule was found, by the clock of the database. One that has not come yet shows that the clock was ahead then and came
-- back since: the next time is found anew.
alter table schedules add column reckoned_at timestamptz;
update schedules set reckoned_at = greatest(created_at, last_at);
alter table schedules alter column reckoned_at set default now(), alter column reckoned_at set not null;
create index schedules_reckoned on schedules (reckoned_at) where next_at is not null;
