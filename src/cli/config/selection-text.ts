// A selection for people: under each workflow its jobs, and for what is left out the rule and the values that did it.
import {
  type JobSelection,
  printable,
  type Selection,
  type Why,
  type WorkflowSelection,
} from '../../compile/index.ts'
import { paintFor, wrapText } from '../look.ts'
import type { Surroundings } from '../surroundings.ts'

export const selectionText = (
  around: Surroundings,
  selection: Selection,
  shownOf: (file: string) => string,
): string =>
  around.stdout.isTerminal ? forTerminal(around, selection, shownOf) : forPipe(selection, shownOf)

const forPipe = (selection: Selection, shownOf: (file: string) => string): string => {
  const cells = (words: readonly string[]) => `${words.map((word) => printable(word)).join('\t')}\n`
  return selection
    .flatMap((workflow) => [
      cells([workflow.name, '-', ...wordsOf(workflow.leftOut, shownOf)]),
      ...jobsOf(workflow).map((job) => cells([workflow.name, job.name, ...wordsOf(job.leftOut, shownOf)])),
    ])
    .join('')
}

const wordsOf = (why: Why | null, shownOf: (file: string) => string): readonly string[] =>
  why === null
    ? ['runs', '', '']
    : ['left out', `${why.rule}: ${why.text}`, `${shownOf(why.at.file)}:${why.at.line}`]

/** Of a workflow that its condition or trigger leaves out, the jobs say nothing. */
const jobsOf = (workflow: WorkflowSelection): readonly JobSelection[] =>
  workflow.leftOut === null || workflow.leftOut.rule === 'jobs' ? workflow.jobs : []

const forTerminal = (
  around: Surroundings,
  selection: Selection,
  shownOf: (file: string) => string,
): string => {
  const paint = paintFor(around, around.stdout)
  const own = selection[0]?.at.file
  const reason = (indent: number, why: Why): string[] => {
    const place = why.at.file === own ? `line ${why.at.line}` : `${shownOf(why.at.file)}:${why.at.line}`
    const text = `${why.rule}: ${why.text} (${place})`
    const room = Math.max(30, around.stdout.columns - indent)
    return wrapText(printable(text), room).map((line) => `${' '.repeat(indent)}${paint('dim', line)}`)
  }
  const jobLines = (job: JobSelection): string[] => {
    if (job.leftOut !== null)
      return [`  ${paint('dim', `- ${printable(job.name)}`)}`, ...reason(6, job.leftOut)]
    const ignored =
      job.ignored.length === 0 ? '' : paint('dim', printable(`  without ${job.ignored.join(', ')}, left out`))
    return [`  ${paint('green', '✓')} ${printable(job.name)}${ignored}`]
  }
  return selection
    .map((workflow) => {
      const name = printable(workflow.name)
      const lines = workflow.leftOut
        ? [
            `${paint('dim', '-')} ${paint('bold', name)}  ${paint('dim', 'left out')}`,
            ...reason(4, workflow.leftOut),
          ]
        : [`${paint('green', '✓')} ${paint('bold', name)}`]
      return `${[...lines, ...jobsOf(workflow).flatMap((job) => jobLines(job).map((line) => `  ${line}`))].join('\n')}\n`
    })
    .join('')
}
