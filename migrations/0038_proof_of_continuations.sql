-- not breaking: a column that may be empty.
-- What the runner of a setup job signed about the plan that came of it: the vault asks for it before secrets go to jobs of that plan.
alter table continuations add column proof text check (length(proof) <= 32768);
