// `mayfly logs --condensed`: of each job that failed the few lines that say why, for people in a hurry and for programs that read.
import { plural } from '../../base/plural.ts'
import type { CondensedLog } from '../../protocol/api/annotations.ts'
import type { Job } from '../../protocol/api/shapes.ts'
import type { ApiClient } from '../api/client.ts'
import { jobName } from '../api/job-name.ts'
import { inert } from '../inert.ts'
import type { Surroundings } from '../surroundings.ts'

export const writeCondensed = async (
  around: Surroundings,
  api: ApiClient,
  jobs: readonly Job[],
  isJson: boolean,
): Promise<number> => {
  const items: CondensedLog[] = []
  for (const job of jobs) {
    const attempt = job.attempts.at(-1)
    if (attempt === undefined) continue
    const found = await api.call('attemptLogCondensed', { params: { attempt: attempt.id }, query: {} })
    items.push(found)
    if (!isJson) around.stdout.write(condensedText(job, found))
  }
  if (isJson) around.stdout.write(`${JSON.stringify({ items, next_cursor: null })}\n`)
  return 0
}

export const condensedText = (job: Pick<Job, 'name' | 'shard' | 'shards'>, log: CondensedLog): string => {
  const title = `# ${inert(jobName(job))}: ${log.status}`
  const failure = log.failure === null ? [] : [inert(log.failure.message)]
  const steps = log.untrusted.steps.flatMap((step) => [
    '',
    `## ${inert(step.name)}${step.message === null ? '' : `: ${inert(step.message)}`} (${plural(step.lines, 'line')})`,
    ...linesOf(step.errors, 1, step.tail[0]?.line ?? step.lines + 1),
    ...linesOf(step.tail, step.tail[0]?.line ?? 1, null),
  ])
  return `${[title, ...failure, ...steps].join('\n')}\n\n`
}

/** Numbered; dots where lines are left out. `from` is the line that would come first, `to` the one that comes after them. */
const linesOf = (
  lines: CondensedLog['untrusted']['steps'][number]['tail'],
  from: number,
  to: number | null,
): readonly string[] => {
  let next = from
  const written = lines.flatMap(({ line, text }) => {
    const gap = line > next ? ['…'] : []
    next = line + 1
    return [...gap, `${String(line).padStart(6)}  ${inert(text)}`]
  })
  return to !== null && next < to ? [...written, '…'] : written
}
