// `mayfly logs --grep RE --all-attempts`: lines of every attempt of a job that match, found by the server, which bounds that work. They
// are output of jobs: everything but text is made harmless.
import { fault } from '../../base/faults.ts'
import type { LogSearchAnswer } from '../../protocol/api/log-search.ts'
import type { Job } from '../../protocol/api/shapes.ts'
import type { ApiClient } from '../api/client.ts'
import { jobName } from '../api/job-name.ts'
import { inert } from '../inert.ts'
import type { Surroundings } from '../surroundings.ts'

export const searchAttempts = async (
  around: Surroundings,
  api: ApiClient,
  jobs: readonly Job[],
  flags: { readonly grep?: string; readonly json?: boolean },
): Promise<number> => {
  const { grep } = flags
  if (grep === undefined || grep === '')
    throw fault('E_INPUT', { public: '--all-attempts looks for lines: say which with --grep' })
  const items: LogSearchAnswer[] = []
  for (const job of jobs) {
    const query = { q: grep, regex: '1', case: '1', attempts: 'all' } as const
    const found = await api.call('jobLogSearch', { params: { job: job.id }, query })
    items.push(found)
    if (flags.json === true) continue
    around.stdout.write(searchText(job, found))
    for (const why of unseen(found)) around.stderr.write(`${inert(jobName(job))}: ${why}\n`)
  }
  if (flags.json === true) around.stdout.write(`${JSON.stringify({ items, next_cursor: null })}\n`)
  return 0
}

/** `test.2#3:4:120: text`: job, attempt, step, line. */
const searchText = (job: Job, { attempts }: LogSearchAnswer): string =>
  attempts
    .flatMap(({ attempt, lines }) =>
      lines.map(
        ({ step, line, text }) =>
          `${inert(jobName(job))}#${attempt.number}:${step.index}:${line}: ${inert(text)}\n`,
      ),
    )
    .join('')

const unseen = ({ attempts, stopped }: LogSearchAnswer): readonly string[] => [
  ...attempts
    .filter(({ expired }) => expired)
    .map(({ attempt }) => `attempt ${attempt.number}: its log was removed, its time was over`),
  ...attempts
    .filter(({ count, lines }) => count > lines.length)
    .map(
      ({ attempt, count, lines }) => `attempt ${attempt.number}: ${count - lines.length} more lines match`,
    ),
  ...(stopped === null ? [] : [`the search ended early: ${stoppedBy[stopped]}`]),
]

const stoppedBy = {
  time: 'its time was over',
  memory: 'it took more memory than a search may',
  bytes: 'the logs are too long to look at all of them',
  attempts: 'there are too many attempts to look at all of them',
} as const
