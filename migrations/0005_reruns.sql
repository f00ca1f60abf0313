-- not breaking: columns with a default, or that may be empty.
-- Why there is an attempt, and when a run that had ended was last wanted again.

alter table attempts
  -- the first of its job, our own failure of the one before, or a person's wish
  add column cause text not null default 'start' check (cause in ('start', 'retry', 'rerun'));

alter table runs
  -- its times count from here
  add column rerun_at timestamptz,
  -- usr_, tok_ or operator
  add column rerun_by text;
