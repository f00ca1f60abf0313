// What the command line says of what retention removed of a job.
import type { ExpiredOfJob } from '../../protocol/api/expired.ts'
import { jobName } from './job-name.ts'

export const expiredWords = (
  what: 'artifacts' | 'results of tests',
  { job, days, removed_at: at }: ExpiredOfJob,
): string =>
  `${what} of ${jobName(job)}, attempt ${job.attempt}, were removed on ${at.slice(0, 10)}: they are kept for ${days} days`
