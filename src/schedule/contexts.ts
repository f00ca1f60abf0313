// Jobs that name contexts start only when each of them admits the job: its project, its ref, and the role of whoever wants
// it, which is who began the run, who reran the job, or who approved what it waited for. The vault judges once more before
// it releases anything.
import type { JobState, RefusedContext, Wanting } from './state.ts'

/** The first that does not admit the job; null: none, so it may start. */
export const refusedContext = ({ contexts }: JobState): RefusedContext | null => {
  for (const { name, rule, roles } of contexts?.named ?? []) {
    if (rule !== null) return { context: name, rule }
    const { role } = contexts?.wanting ?? { role: null }
    if (roles !== null && (role === null || !roles.includes(role))) return { context: name, rule: 'person' }
  }
  return null
}

export const wantedBy = (job: JobState, wanting: Wanting | undefined): JobState =>
  wanting === undefined || job.contexts === undefined
    ? job
    : { ...job, contexts: { ...job.contexts, wanting } }

/** The jobs that wait, in its workflow, for this one: directly or through others. */
export const waitingBehind = (jobs: readonly JobState[], first: JobState): ReadonlySet<JobState> => {
  const groupOf = ({ workflow }: JobState, key: string) => `${workflow} ${key}`
  const behindGroup = new Map<string, JobState[]>()
  for (const job of jobs)
    for (const { key } of job.status === 'waiting' ? job.needs : []) {
      const group = groupOf(job, key)
      const others = behindGroup.get(group)
      if (others === undefined) behindGroup.set(group, [job])
      else others.push(job)
    }
  const found = new Set([first])
  // A set is walked in order of insertion, also what is added meanwhile.
  for (const job of found) for (const next of behindGroup.get(groupOf(job, job.key)) ?? []) found.add(next)
  found.delete(first)
  return found
}
