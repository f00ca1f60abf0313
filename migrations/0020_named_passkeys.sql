-- not breaking: a column that may be empty, and one more word that a check lets through.
-- A person has several passkeys and tells them apart by name; one is added to an account that is there already.
alter table passkeys add column name text check (length(name) between 1 and 64);
alter table passkey_challenges drop constraint passkey_challenges_purpose_check;
alter table passkey_challenges add constraint passkey_challenges_purpose_check
  check (purpose in ('claim', 'sign-in', 'add'));
