-- not breaking: columns that are empty or false for what there is; names stay unique among the project's own schedules.
-- Schedules that stand in the configuration of the default branch (`triggers` of a workflow): made and removed with its plans.
alter table schedules
  add column workflow text check (length(workflow) between 1 and 1024),
  -- its next time is yet to be found
  add column fresh boolean not null default false,
  drop constraint schedules_project_id_name_key;
create unique index schedules_of_project on schedules (project_id, name) where workflow is null;
create unique index schedules_of_configuration on schedules (project_id, workflow, cron) where workflow is not null;
