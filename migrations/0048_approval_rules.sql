-- not breaking: columns with defaults, which are how it was.
-- Who may let go on what waits for a person: how many different people it takes, of which role, and whether somebody who began the
-- run, wanted it again or wrote its commit is one of them.
alter table projects
  add column approval_people integer not null default 1 check (approval_people between 1 and 5),
  add column approval_not_self boolean not null default false,
  add column approval_role text not null default 'developer' check (approval_role in ('owner', 'developer'));
