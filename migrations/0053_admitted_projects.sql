-- not breaking: a column with a default, and one more kind of what may wait.
-- Whether a signer has admitted the project to contexts for every project, with the source that it has: a copy of the vault's word,
-- as the rules of contexts are. The vault admits by itself what it finds when it first knows of this, and so does this.
alter table projects add column admitted boolean not null default false;
update projects set admitted = true;
alter table proposals drop constraint proposals_verb_check;
alter table proposals add constraint proposals_verb_check
  check (verb in ('secret.put', 'secret.set', 'context.put', 'rules.set', 'project.admit'));
