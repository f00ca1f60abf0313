-- not breaking: an index.
-- Finished logs whose key still has to move to the project's own key: usually none.
create index attempts_log_key_unwrapped on attempts (id)
  where log_complete and log_key is not null and log_key_wrapped is null;
