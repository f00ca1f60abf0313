-- not breaking: a column with a default.
-- What whoever started a run gave its pipeline: {name: text, number or boolean}; part of the inputs of its plan.

alter table runs add column parameters jsonb not null default '{}';
