-- not breaking: columns that may be empty, and indexes.
-- A project that was removed belongs to no organisation any more, so that every statement which asks for one finds it nowhere; what it
-- had goes piece by piece, and its row last.
alter table projects add column removed_at timestamptz, alter column organisation_id drop not null,
  add constraint projects_removed check ((organisation_id is null) = (removed_at is not null));
create index projects_removed on projects (removed_at) where removed_at is not null;
-- For each run and each delivery that goes the database looks for what points at it.
create index runs_of_delivery on runs (delivery_id) where delivery_id is not null;
create index plans_from_run on plans (from_run_id) where from_run_id is not null;
create index deliveries_of_run on deliveries (run_id) where run_id is not null;
-- A delivery that began a run is nothing without it, and could not be told apart from one that began none.
alter table deliveries drop constraint deliveries_run,
  add constraint deliveries_run foreign key (run_id) references runs (id) on delete cascade deferrable initially deferred;
alter table runs drop constraint runs_delivery_id_fkey,
  add constraint runs_delivery_id_fkey foreign key (delivery_id) references deliveries (id) on delete set null;
