// What `mayfly run` shows while it works and at the end: output of each job behind its name, a word when a step
// fails, and one table. With --json the result goes to stdout and the output to stderr.
import type { JobId } from '../../base/ids.ts'
import { shellQuote } from '../../base/shell-quote.ts'
import { isRed } from '../../protocol/plan.ts'
import type { AttemptResult, AttemptSink, EventBody } from '../../runner/index.ts'
import { type ExpandedJob, type ExpandedPlan, type RunState, whySkipped } from '../../schedule/index.ts'
import { inert, inertText } from '../inert.ts'
import { duration, paintFor, statusWord, writeTable } from '../look.ts'
import { createPrefixer } from '../prefixed-output.ts'
import type { Surroundings } from '../surroundings.ts'

export interface Report {
  /** Where an attempt of a job writes. */
  job(id: string, name: string, attempt: number): AttemptSink
  ended(id: string, name: string, result: AttemptResult): void
  note(text: string): void
  finish(state: RunState): void
}

export const createReport = (
  around: Surroundings,
  options: {
    readonly json: boolean
    /** Grows when the run goes on with more. */
    readonly expanded: ExpandedPlan
    readonly names: () => ReadonlyMap<JobId, string>
  },
): Report => {
  const { expanded, names } = options
  const output = options.json ? around.stderr : around.stdout
  const paint = paintFor(around, output)
  const prefixer = createPrefixer(around, output)
  const widest = () => Math.max(0, ...[...names().values()].map(({ length }) => length))
  const startedMs = around.clock.monotonicMs()
  const results = new Map<string, { readonly result: AttemptResult; readonly ms: number }>()
  const begun = new Map<string, number>()
  const note = (text: string) => around.stderr.write(inertText`note: ${text}\n`)
  return {
    job: (id, name) => {
      begun.set(id, around.clock.monotonicMs())
      const writer = prefixer.writer(name.padEnd(widest()))
      const words = (text: string) => writer.write(Buffer.from(`${text}\n`))
      return {
        output: (_step, bytes) => {
          writer.write(bytes)
          return undefined
        },
        event: (event) => tellEvent(event, { words, flush: writer.end, paint }),
      }
    },
    ended: (id, name, result) => {
      const ms = around.clock.monotonicMs() - (begun.get(id) ?? 0)
      results.set(id, { result, ms })
      if (result.reason?.code != null) note(`${name}: ${result.reason.message}`)
    },
    note,
    finish: (state) => {
      const ms = around.clock.monotonicMs() - startedMs
      const nameOf = names()
      const rows = expanded.jobs.map(({ state: { id } }) => {
        const job = state.jobs.find((one) => one.id === id)
        const skipped = job?.status === 'skipped' ? whySkipped(state.jobs, job).text : ''
        const ended = results.get(id)
        return {
          name: nameOf.get(id) ?? id,
          status: job?.status ?? 'waiting',
          ms: ended?.ms ?? null,
          reason: ended?.result.reason?.message ?? skipped,
        }
      })
      if (options.json) {
        const jobs = rows.map((row) => ({ ...row, ms: row.ms === null ? null : Math.round(row.ms) }))
        around.stdout.write(
          `${JSON.stringify({ status: state.status, duration_ms: Math.round(ms), jobs })}\n`,
        )
        return
      }
      output.write('\n')
      const cells = rows.map((row) => [statusWord(paint, row.status), row.name, duration(row.ms), row.reason])
      writeTable(output, ['STATUS', 'JOB', 'TOOK', 'WHY'], cells)
      output.write(inertText`${statusWord(paint, state.status)}  ${duration(ms)}\n`)
      const failed = expanded.jobs.find(({ state: { id } }) => isRed(results.get(id)?.result.outcome ?? ''))
      if (failed !== undefined)
        around.stderr.write(inertText`again: mayfly run ${wordsFor(failed, expanded)}\n`)
    },
  }
}

/** With the workflow where another one has a job of that name, which would be meant without. */
const wordsFor = ({ plan: { key }, state }: ExpandedJob, { jobs, workflows }: ExpandedPlan): string => {
  const isCalledSo = ({ plan, state: other }: ExpandedJob) =>
    other.workflow !== state.workflow && (plan.key === key || plan.name === key)
  const workflow = jobs.some(isCalledSo)
    ? workflows.find((one) => one.state.id === state.workflow)
    : undefined
  return [...(workflow === undefined ? [] : [shellWord(workflow.name)]), '-j', shellWord(key)].join(' ')
}

/** What is copied into a shell: a configuration chose it, and it stays one word there. */
const shellWord = (text: string): string =>
  /^[\w@%+=:,./][\w@%+=:,./-]*$/.test(text) ? text : shellQuote(text)

type Telling = {
  readonly words: (text: string) => void
  readonly flush: () => void
  readonly paint: ReturnType<typeof paintFor>
}

const tellEvent = (event: EventBody, { words, flush, paint }: Telling): void => {
  if (event.kind === 'alarm' && event.what === 'leak')
    words(
      paint(
        'red',
        inertText`! the secret ${event.secret} is in this output or in an artifact, where it was not masked`,
      ),
    )
  if (event.kind === 'step-started') words(paint('dim', `── ${inert(event.name.split('\n')[0] ?? '')}`))
  if (event.kind !== 'step-finished') return
  flush()
  if (event.status === 'failed' || event.status === 'timed_out')
    words(paint('red', inertText`✗ ${event.message ?? event.status}`))
  else if (event.status === 'skipped') words(paint('dim', 'skipped'))
}
