-- not breaking: an index. Whether a push to a branch was made after another one, however many there were.
create index deliveries_pushes on deliveries (project_id, ref, sent_at) where verdict = 'run' and source <> 'replay';
