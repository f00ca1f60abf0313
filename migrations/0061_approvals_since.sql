-- not breaking: a column that may be empty, and an index.
-- The last decision about a job before it began to wait for a person: what was decided until then is about an earlier time. null: there
-- was none, or the job waits since before this was kept.
alter table jobs add column approvals_before bigint;
-- Who wanted a run again, which is not somebody else when it comes to approvals.
create index audit_of_reruns on audit (run_id) where action = 'run.rerun';
