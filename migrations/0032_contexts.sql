-- not breaking: a table of its own, and columns that may be empty.
-- Contexts of the organisation, as the vault said when they changed: for the decision whether a job that names one may
-- start. The vault, which has the signed rules, decides once more before it releases anything.
create table contexts (
  id text primary key check (id like 'ctx\_%'),
  organisation_id text not null references organisations (id),
  name text not null check (length(name) between 1 and 64),
  -- ids of projects; null: all of them
  projects text[],
  -- globs over full refs, or `default`
  refs text[] not null check (cardinality(refs) between 1 and 20),
  -- of whoever wants the job; null: any
  roles text[] check (cardinality(roles) between 1 and 2),
  -- how many statements there were about it
  version integer not null check (version > 0),
  state text not null check (state in ('active', 'deleted')),
  changed_at timestamptz not null default now(),
  -- usr_, tok_ or operator: who sent the statement; who signed it the vault knows
  changed_by text not null check (length(changed_by) between 1 and 64),
  unique (organisation_id, name)
);

-- A secret is of a project or of a context.
alter table secrets alter column project_id drop not null;
alter table secrets add column context_id text check (context_id like 'ctx\_%');
alter table secrets add constraint secrets_owner check ((project_id is null) <> (context_id is null));
alter table secrets add constraint secrets_context_name unique (context_id, name);

alter table jobs
  -- the contexts that it names, in its order; null: none
  add column contexts text[],
  -- who wants it, if not who began the run
  add column wanted_by text check (length(wanted_by) between 1 and 64),
  -- {context, rule}: why it may not start
  add column refused jsonb;
