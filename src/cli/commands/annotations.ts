// What the logs of a run say of files: a line for each, as compilers print them, so that an editor can go there. All of it is the
// job's text: nothing but what can be seen is printed.
import type { ApiAnnotation, JobAnnotations } from '../../protocol/api/annotations.ts'
import type { ApiClient } from '../api/client.ts'
import { connect } from '../api/connect.ts'
import { jobNamed, splitRef } from '../api/find-job.ts'
import { findRun } from '../api/find-run.ts'
import { paintFor } from '../look.ts'
import type { Surroundings } from '../surroundings.ts'

type Flags = { readonly json?: boolean; readonly project?: string; readonly job?: string }

export const listAnnotations = async (
  around: Surroundings,
  flags: Flags,
  given: string | undefined,
): Promise<number> => {
  const words = splitRef({ ref: given, job: flags.job })
  const api = await connect(around)
  const run = await findRun(around, api, { ref: words.ref, project: flags.project })
  const only = words.job === undefined ? null : jobNamed(run, words.job).id
  const items = (await allOf(api, run.id)).filter(({ job }) => only === null || job.id === only)
  if (flags.json === true) around.stdout.write(`${JSON.stringify({ items, next_cursor: null })}\n`)
  else write(around, items)
  return 0
}

const allOf = async (api: ApiClient, run: string): Promise<readonly JobAnnotations[]> => {
  const all: JobAnnotations[] = []
  let cursor: string | undefined
  do {
    const page = await api.call('runAnnotations', { params: { run }, query: { limit: 100, cursor } })
    all.push(...page.items)
    cursor = page.next_cursor ?? undefined
  } while (cursor !== undefined)
  return all
}

const write = (around: Surroundings, jobs: readonly JobAnnotations[]): void => {
  const paint = paintFor(around, around.stdout)
  const colours = { error: 'red', warning: 'yellow', notice: 'cyan' } as const
  for (const { job, items, counts, partial } of jobs) {
    const name = job.shards > 1 ? `${job.name}.${job.shard}` : job.name
    around.stdout.write(`${paint('bold', visible(name))}\n`)
    for (const item of items)
      around.stdout.write(
        `  ${placeOf(item)}${paint(colours[item.level], item.level)}: ${visible(wordsOf(item))}\n`,
      )
    const more = counts.error + counts.warning + counts.notice - items.length
    if (more > 0) around.stdout.write(`  and ${more} more in its log\n`)
    if (partial) around.stdout.write('  its log is long: only the beginning and the end were looked at\n')
  }
}

const placeOf = ({ file, line, column }: ApiAnnotation): string =>
  file === null ? '' : `${[visible(file), line, column].filter((part) => part !== null).join(':')}: `

const wordsOf = ({ title, message }: ApiAnnotation): string =>
  title === null ? message : `${title}: ${message}`

// biome-ignore lint/suspicious/noControlCharactersInRegex: what a terminal would obey, and what turns text around.
const hidden = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g

/** On one line, with nothing that a terminal would obey. */
export const visible = (text: string): string =>
  text.replace(hidden, (one) => (one === '\n' ? ' ' : '\u00b7'))
