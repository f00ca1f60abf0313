-- not breaking: a column with a value. The one of runs stays for an older server, which then runs all tests again.
-- Whether the job was last run again for its failed tests alone: one person may want one job whole while another wants the
-- failed tests of the rest.
alter table jobs add column rerun_failed_tests boolean not null default false;
update jobs set rerun_failed_tests = true from runs
where runs.id = jobs.run_id and runs.rerun_failed_tests and runs.finished_at is null;
