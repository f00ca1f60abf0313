-- not breaking: tokens that are refused today stay refused.
-- Who is disabled loses tokens and sessions for good from here on; those who were disabled before, too.
update api_tokens t set revoked_at = now() from users u
where u.id = t.user_id and u.disabled_at is not null and t.revoked_at is null;
delete from sessions s using users u where u.id = s.user_id and u.disabled_at is not null;
