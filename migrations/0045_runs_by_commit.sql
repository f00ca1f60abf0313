-- not breaking: an index.
-- Whoever looks for the runs of a commit knows how it begins.
create index runs_by_commit on runs (organisation_id, commit text_pattern_ops);
