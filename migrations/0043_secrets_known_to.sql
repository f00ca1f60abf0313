-- not breaking: columns that may be empty, and one more word that a check lets through.
-- Who put a secret first, and who put the value it has: whoever did knows it, also after they left.
alter table secrets
  add column created_by text check (length(created_by) between 1 and 64),
  add column put_by text check (length(put_by) between 1 and 64);

-- Of those that are there, as far as the audit log says.
update secrets s set
  created_by = (select a.actor_id from audit a
    where a.target = s.id and a.action = 'secret.put' and a.result = 'ok' order by a.id limit 1),
  put_by = (select a.actor_id from audit a
    where a.target = s.id and a.action = 'secret.put' and a.result = 'ok' order by a.id desc limit 1);

alter table secrets drop constraint secrets_state_check;
alter table secrets add constraint secrets_state_check check (state in ('active', 'disabled', 'revoked'));
