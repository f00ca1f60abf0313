-- not breaking: columns with a default or that may be empty, an index, and one more word that a check lets through.
-- Nobody has to answer for ever: a job that waits for a person stops waiting, after what its project says.
alter table projects
  -- null: it waits until somebody answers
  add column approval_seconds integer default 7776000 check (approval_seconds between 60 and 31622400);

alter table jobs add column hold_until timestamptz;
update jobs set hold_until = now() + interval '90 days' where status = 'on_hold';
create index jobs_holding on jobs (hold_until) where status = 'on_hold';

alter table approvals drop constraint approvals_decision_check;
alter table approvals add constraint approvals_decision_check check (decision in ('approved', 'rejected', 'expired'));
