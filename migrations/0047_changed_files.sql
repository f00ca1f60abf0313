-- not breaking: a column.
-- Which files a run is about, as its planner found; null: nobody can tell. Of a plan that was taken over it counts where it says the same base.
alter table plans add column changes jsonb;
