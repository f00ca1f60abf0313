// A job as people name it: with the number of its shard where it runs in several copies.

export const jobName = (job: {
  readonly name: string
  readonly shard: number
  readonly shards: number
}): string => (job.shards > 1 ? `${job.name}.${job.shard}` : job.name)
