-- not breaking: columns with a default, or that may be empty, and indexes.
-- How many jobs run at once, and whose turn it is (docs/decisions/0022).

alter table organisations add column jobs_max integer check (jobs_max > 0);

alter table projects
  add column jobs_max integer check (jobs_max > 0),
  -- how often it has its turn among others
  add column priority text not null default 'normal' check (priority in ('low', 'normal', 'high'));

alter table attempts
  -- fair order within a class: projects that wait take turns
  add column turn bigint not null default 0,
  -- kept from the queue by a limit; the admission lets it in
  add column held boolean not null default false,
  add check (not held or status <> 'running');

drop index attempts_queue;
create index attempts_queue on attempts (class, turn, queue_order) where status = 'queued' and not held;
create index attempts_in_line on attempts (project_id, class, turn) where status = 'queued' and not held;
create index attempts_held on attempts (organisation_id, project_id, queue_order) where status = 'queued' and held;
create index attempts_running on attempts (organisation_id, project_id) where status = 'running';
