-- not breaking: a table of its own, and a column with a default.
-- The orb store of an organisation, and whether a project lets text from outside stand in scripts.

create table orbs (
  organisation_id text not null references organisations (id),
  -- exact: namespace/orb@1.2.3, namespace/orb@dev:label, or the address of an orb
  id text not null check (length(id) between 3 and 512),
  text text not null check (octet_length(text) between 1 and 1048576),
  sha256 text not null check (sha256 ~ '^[0-9a-f]{64}$'),
  added_at timestamptz not null default now(),
  -- usr_, tok_ or operator
  added_by text not null check (length(added_by) between 1 and 64),
  primary key (organisation_id, id)
);

alter table projects add column untrusted_in_scripts boolean not null default false;
