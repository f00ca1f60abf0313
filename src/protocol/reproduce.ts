// The commands that carry a job out on somebody's own machine: the commit, then the job alone; for the page and for the command line. Pure.
import type { Job, Run } from './api/shapes.ts'

export const reproduceCommands = (run: Run, job: Job): string => {
  const workflow = run.workflows.find(({ id }) => id === job.workflow_id)?.name
  const words = [
    'mayfly run',
    ...(workflow === undefined ? [] : [quoted(workflow)]),
    '--job',
    quoted(job.name),
  ]
  return [
    `git fetch origin ${quoted(run.event.ref)}`,
    `git checkout ${run.event.commit}`,
    words.join(' '),
  ].join('\n')
}

/** For a POSIX shell; names of refs and jobs are text of strangers. */
const quoted = (word: string): string =>
  /^[A-Za-z0-9_./:@%+=-]+$/.test(word) && !word.startsWith('-') ? word : `'${word.replaceAll("'", `'\\''`)}'`
