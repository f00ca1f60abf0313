-- not breaking: a column that is empty for what there is.
-- What a delivery tells of a change beside what was pushed: what the ref was before, and the pull request it belongs to.
alter table deliveries add column pull_request jsonb;
alter table runs add column change jsonb;
