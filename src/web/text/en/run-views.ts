// What a page of one run says beside its jobs: totals, changes, the raw object, another run beside it.
import { count } from './words.ts'

const changed = (n: number, more: boolean): string =>
  n === 0 && !more
    ? 'No file is changed'
    : `${more ? 'More than ' : ''}${count(n, 'file is', 'files are')} changed`

export const runViewsText = {
  graph: {
    fit: 'Fit',
    closer: 'Larger',
    farther: 'Smaller',
    passes: (on: readonly string[]) => `runs after: ${on.join(', ')}`,
    approval: 'runs after a person approved',
    /** How far what an edge waits for has come. */
    state: { met: '', open: 'has not ended', unmet: 'ended otherwise' },
    workspace: (titles: string, size: string | null) =>
      `workspace of ${titles}${size === null ? '' : ` (${size})`}`,
    edge: (title: string, words: readonly string[]) => `${title}: ${words.join(', ')}`,
    takes: (what: string) => `takes the ${what}`,
    legend: { files: 'the workspace goes along it', open: 'has not ended', unmet: 'ended otherwise' },
    legendLabel: 'What the lines mean',
  },
  totals: {
    critical: 'Critical path',
    sandboxes: 'Sandboxes',
    attempts: 'Attempts',
    changed: 'Changed',
    files: (n: number, more: boolean) => `${more ? 'more than ' : ''}${count(n, 'file', 'files')}`,
    left: 'Left',
    about: (time: string) => `about ${time}`,
    over: (time: string) => `${time} more than usual`,
    machine: 'Machine time',
    machineWhy:
      'How long attempts stood in sandboxes, added up for each class. Nobody told this installation what a class costs.',
    ofClass: (time: string, name: string) => `${time} ${name}`,
    why: (usual: string) => `The last runs of this project that passed took ${usual}.`,
  },
  raw: {
    label: (n: number) => `Run ${n} as JSON`,
    why: 'What the API answers for this run.',
    download: 'Download',
    request: (address: string) => `GET ${address}`,
    cut: (n: number) => `The first ${n} lines. Copy and download have all.`,
  },
  changes: {
    title: 'Changes',
    commit: 'Commit',
    before: 'Commit before',
    subject: 'Subject',
    author: 'Author',
    pull: 'Pull request',
    list: 'See the files',
    files: 'Changed files',
    filesOfPush: (n: number, more: boolean) => `${changed(n, more)} by this push:`,
    filesOfCommit: (n: number, more: boolean) => `${changed(n, more)} by this commit:`,
    more: 'There are more, which were not looked at. In a clone of the repository this shows all:',
    words: { added: 'added', changed: 'changed', removed: 'removed' },
    ofPush:
      'Which files changed is not known: the server keeps no copy of the source, and the runner reads of a repository on another machine only the commit. In a clone of the repository this shows it:',
    unknown:
      'Which files changed is not known: nobody told which commit came before, or the runner reads of the repository only the commit. In a clone of the repository this shows the commit:',
  },
  lastGood: {
    title: (n: number) => `Last good run: ${n}`,
    none: 'No run of this branch has passed.',
  },
  permalink: 'Address copied',
  compare: {
    action: 'Compare',
    title: (before: number, after: number) => `Run ${before} and run ${after}`,
    other: 'Compare with run',
    show: 'Compare',
    close: 'Close the comparison',
    none: (n: number) => `This project has no run ${n}.`,
    itself: 'This is the same run.',
    same: 'Nothing differs.',
    samePlan: 'The plans are the same.',
    plan: 'Plan',
    added: 'added',
    removed: 'removed',
    field: 'Field',
    nothing: 'none',
    tests: 'Tests',
    newlyFailed: (n: number) => `${count(n, 'test', 'tests')} failing now`,
    noLongerFailed: (n: number) => `${count(n, 'test', 'tests')} no longer failing`,
    sameTests: 'The same tests fail, or none.',
    incomplete: 'There are more failed tests than were compared.',
    jobs: 'Jobs and steps',
    job: 'Job or step',
    run: (n: number) => `Run ${n}`,
    difference: 'Difference',
    queue: 'Queued',
    sandbox: 'Sandbox',
    cpu: 'CPU time',
    memory: 'Peak memory',
    steps: (n: number) => count(n, 'step', 'steps'),
    unchanged: 'unchanged',
  },
  sort: {
    by: (column: string) => `Sort by ${column}`,
  },
}
