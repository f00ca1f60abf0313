-- not breaking: a column without a value, and a column that may be empty where the new one is not.
-- A small finished log lies in its row instead of a file (decision 0082): sealed as it was, so there is nothing to compress.
alter table log_objects add column body bytea;
alter table log_objects alter column body set storage external;
alter table log_objects alter column object_key drop not null;
alter table log_objects add constraint log_objects_in_one_place check ((object_key is null) <> (body is null));
