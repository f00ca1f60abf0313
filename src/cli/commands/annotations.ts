// What the logs of a run say of files: a line for each, as compilers print them, so that an editor can go there. All of it is the
// job's text: nothing but what can be seen is printed.
import type { ApiAnnotation, JobAnnotations } from '../../protocol/api/annotations.ts'
import { jobNamed } from '../api/find-job.ts'
import { jobName } from '../api/job-name.ts'
import { findNamedRun } from '../api/named-run.ts'
import { inertText } from '../inert.ts'
import { paintFor } from '../look.ts'
import type { Surroundings } from '../surroundings.ts'

type Flags = { readonly json?: boolean; readonly project?: string; readonly job?: string }

export const listAnnotations = async (
  around: Surroundings,
  flags: Flags,
  given: string | undefined,
): Promise<number> => {
  const { api, run, job: word } = await findNamedRun(around, flags, given)
  const only = word === undefined ? null : jobNamed(run, word).id
  const page = await api.all('runAnnotations', { params: { run: run.id } })
  const items = page.items.filter(({ job }) => only === null || job.id === only)
  if (flags.json === true) around.stdout.write(`${JSON.stringify({ ...page, items })}\n`)
  else write(around, items)
  return 0
}

const write = (around: Surroundings, jobs: readonly JobAnnotations[]): void => {
  const paint = paintFor(around, around.stdout)
  const colours = { error: 'red', warning: 'yellow', notice: 'cyan' } as const
  for (const { job, items, counts, credentials, partial } of jobs) {
    around.stdout.write(inertText`${paint('bold', jobName(job))}\n`)
    for (const item of items)
      around.stdout.write(
        inertText`  ${placeOf(item)}${paint(colours[item.level], item.level)}: ${wordsOf(item)}\n`,
      )
    const more = counts.error + counts.warning + counts.notice - items.length
    if (more > 0) around.stdout.write(inertText`  and ${more} more in its log\n`)
    for (const { kind, step, log_line: line } of credentials.items)
      around.stdout.write(
        inertText`  ${paint('yellow', 'credential?')} line ${line} of step ${step}: ${kind.replaceAll('_', ' ')}, masked nowhere\n`,
      )
    const unlisted = credentials.count - credentials.items.length
    if (unlisted > 0)
      around.stdout.write(inertText`  and ${unlisted} more lines with what looks like a credential\n`)
    if (partial) around.stdout.write('  its log is long: only the beginning and the end were looked at\n')
  }
}

const placeOf = ({ file, line, column }: ApiAnnotation): string =>
  file === null ? '' : `${[file, line, column].filter((part) => part !== null).join(':')}: `

const wordsOf = ({ title, message }: ApiAnnotation): string =>
  title === null ? message : `${title}: ${message}`
