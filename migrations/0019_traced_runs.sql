-- not breaking: a column that may be empty.
-- Which end of a run a collector of traces has taken; empty: none, or nobody asks for traces.
alter table runs add column traced_at timestamptz;
