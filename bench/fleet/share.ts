// How the work of a simulation is spread over organisations, and what each of them got while all had something waiting. Pure.
import { summarise } from '../statistics.ts'

export type Project = { readonly name: string; readonly organisation: string; readonly isLimited: boolean }

/**
 * In one organisation every tenth project is limited. Of several every tenth is, with all its projects: the others have the
 * same to do and nothing that holds them back, and are compared.
 */
export const spreadProjects = (count: number, organisations: readonly string[]): readonly Project[] =>
  Array.from({ length: count }, (_, i) => {
    const nth = organisations.length === 1 ? i : i % organisations.length
    return {
      name: `project-${i + 1}`,
      organisation: organisations[i % organisations.length] ?? '',
      isLimited: nth % 10 === 9,
    }
  })

/** Of a job of an organisation without limits; null: it never began. */
export type Start = {
  readonly organisation: string
  readonly project: string
  readonly startedMs: number | null
}

export type Share = {
  /** From the first start until one of them had nothing waiting any more, at most as long as was asked for. */
  readonly windowMs: number
  /** How many jobs each of them began in that time. */
  readonly starts: readonly number[]
  readonly projectsOfEach: number
}

/** null: there is nothing to compare. Those are compared that have as many projects and jobs as most. */
export const shareOf = (all: readonly Start[], windowMaxMs: number): Share | null => {
  const groups = [...Map.groupBy(all, ({ organisation }) => organisation).values()]
  const like = mostAlike(groups)
  if (like.length < 2) return null
  const ends = like.map((jobs) => Math.max(...jobs.map(startOf)))
  const first = Math.min(...like.flat().map(startOf))
  if (!Number.isFinite(first)) return null
  const end = Math.min(first + windowMaxMs, ...ends)
  return {
    windowMs: end - first,
    starts: like.map((jobs) => jobs.filter((job) => startOf(job) <= end).length),
    projectsOfEach: projectsOf(like[0] ?? []),
  }
}

const startOf = ({ startedMs }: Start): number => startedMs ?? Number.POSITIVE_INFINITY

const projectsOf = (jobs: readonly Start[]): number => new Set(jobs.map(({ project }) => project)).size

const mostAlike = (groups: readonly (readonly Start[])[]): readonly (readonly Start[])[] => {
  const kinds = [...Map.groupBy(groups, (jobs) => `${projectsOf(jobs)} ${jobs.length}`).values()]
  return kinds.toSorted((a, b) => b.length - a.length)[0] ?? []
}

/** How far the furthest is from the mean, as a part of it; a turn of each project is as close as whole jobs come. */
export const judgeShare = ({
  starts,
  projectsOfEach,
}: Share): { readonly apart: number; readonly holds: boolean } => {
  const { min, max } = summarise(starts)
  const mean = starts.reduce((sum, n) => sum + n, 0) / starts.length
  const furthest = Math.max(max - mean, mean - min)
  return { apart: furthest / mean, holds: furthest <= Math.max(projectsOfEach, mean / 10) }
}
