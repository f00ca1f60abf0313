-- not breaking: a column with a default, one that may be empty, and an index.
-- A push may end the runs of earlier pushes to its branch.

alter table projects add column auto_cancel boolean not null default false;

alter table runs add column superseded_by text references runs (id) on delete set null;
create index runs_unfinished on runs (project_id, ref) where finished_at is null;
create index runs_superseded on runs (superseded_by) where superseded_by is not null;
