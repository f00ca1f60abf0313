// A job as people name it: with the number of its shard where it runs in several copies.

type Named = { readonly name: string; readonly shard: number; readonly shards: number }

export const jobName = (job: Named): string => (job.shards > 1 ? `${job.name}.${job.shard}` : job.name)

/** Of all jobs of a run, by id. With the workflow where jobs of several are called the same: their artifacts lie apart. */
export const jobNames = <Id>(
  jobs: readonly (Named & { readonly id: Id; readonly workflow: string | null })[],
): ReadonlyMap<Id, string> => {
  const workflowsOf = new Map<string, Set<string | null>>()
  for (const { name, workflow } of jobs)
    workflowsOf.set(name, (workflowsOf.get(name) ?? new Set()).add(workflow))
  const isShared = ({ name }: Named) => (workflowsOf.get(name)?.size ?? 0) > 1
  return new Map(
    jobs.map((job) => [
      job.id,
      job.workflow !== null && isShared(job) ? `${job.workflow}/${jobName(job)}` : jobName(job),
    ]),
  )
}
