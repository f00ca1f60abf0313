-- not breaking: a column that may be empty.
-- A token may be limited to projects; null: all of its organisation. A project that is deleted leaves a token that reaches less.
alter table api_tokens add column project_ids text[] check (cardinality(project_ids) between 1 and 50);
