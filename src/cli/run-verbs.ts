// `mayfly runs …`, `watch`, `logs`, `rerun`, `approve`: words and options only, as in program.ts.
import { type Command, Option } from 'commander'
import { carryOut, collect, jsonOption } from './action.ts'
import type { Surroundings } from './surroundings.ts'

const projectOption = () =>
  new Option('-R, --project <name>', 'the project, also as host/org/name; else the one of this work tree')
/** Of verbs that take a run, or else the newest one. */
const branchOption = () =>
  new Option('-b, --branch <name>', 'the newest run of this branch, else of that of this work tree')

export const addRunVerbs = (program: Command, around: Surroundings): void => {
  const runs = program.command('runs').description('runs of the installation')
  const load = () => import('./commands/runs.ts')
  runs
    .command('list')
    .alias('ls')
    .description('list runs, newest first')
    .addOption(projectOption())
    .option('--status <status>', 'only these')
    .option('-b, --branch <name>', 'only this branch')
    .option('--author <name>', 'only commits of this author')
    .option('--event <kind>', 'only those of a push, schedule or manual start')
    .option('--commit <id>', 'only of this commit, or those that begin so')
    .option('--since <when>', 'only those made since then: 7d, 2026-11-01 or 2026-11-01T09:30Z')
    .option('--until <when>', 'only those made until then')
    .option('--class <name>', 'only those with a job for runners of this class')
    .option('--mine', 'only those you started, or whose commit is yours')
    .option('--all-projects', 'not only those of the project of this work tree')
    .option('--limit <count>', 'at most so many', '20')
    .addOption(jsonOption())
    .action(carryOut(around, async () => (await load()).listRuns))
  runs
    .command('why [ref]')
    .description('why jobs of a run do not run yet')
    .addOption(projectOption())
    .addOption(branchOption())
    .option('-j, --job <job>', 'only this job')
    .addOption(jsonOption())
    .action(carryOut(around, async () => (await import('./commands/why.ts')).why))
  runs
    .command('view [ref]')
    .description('one run with its jobs, or one job with its steps')
    .addOption(projectOption())
    .addOption(branchOption())
    .option('-j, --job <job>', 'only this job')
    .option('--failure-report', 'only what it takes to mend it, for a chat or an agent')
    .option('--max-bytes <count>', 'the report is no longer, 1024 to 262144')
    .addOption(jsonOption())
    .action(carryOut(around, async () => (await load()).viewRun))
  runs
    .command('wait [ref]')
    .description('wait for the verdict of a run, silently; exits with it')
    .addOption(projectOption())
    .addOption(branchOption())
    .option('--timeout <duration>', 'give up after this long, for example 30m')
    .addOption(jsonOption())
    .action(carryOut(around, async () => (await import('./commands/wait.ts')).waitForRun))
  addPageVerbs(program, runs, around)
  addFactVerbs(runs, around)
  addPinVerbs(runs, around)
  addRunActs(program, runs, around)
  addFollowVerbs(program, runs, around)
}

/** What opens a page. */
const addPageVerbs = (program: Command, runs: Command, around: Surroundings): void => {
  const load = () => import('./commands/open.ts')
  const withPlaces = (command: Command): Command =>
    command
      .addOption(projectOption())
      .addOption(branchOption())
      .option('-j, --job <job>', 'the page of this job')
      .option('--print', 'print the address instead')
  withPlaces(program.command('open [ref]').description('the page of a project, or of a run of it')).action(
    carryOut(around, async () => (await load()).openPage),
  )
  withPlaces(runs.command('open [ref]').description('the page of a run')).action(
    carryOut(around, async () => (await load()).openRun),
  )
}

/** What else is known of a run. */
const addFactVerbs = (runs: Command, around: Surroundings): void => {
  runs
    .command('usage [ref]')
    .description('what a job used of processor, memory, disk and network')
    .addOption(projectOption())
    .addOption(branchOption())
    .option('-j, --job <job>', 'of this job, else of the only one')
    .addOption(jsonOption())
    .action(carryOut(around, async () => (await import('./commands/job-view.ts')).viewUsage))
  runs
    .command('changes [ref]')
    .description('the files that a run is about')
    .addOption(projectOption())
    .addOption(branchOption())
    .addOption(jsonOption())
    .action(carryOut(around, async () => (await import('./commands/changes.ts')).listChanges))
  runs
    .command('compare <before> <after>')
    .description('what two runs differ in: plan, durations, sandboxes, failed tests')
    .addOption(projectOption())
    .addOption(jsonOption())
    .action(carryOut(around, async () => (await import('./commands/compare.ts')).compareRuns))
  runs
    .command('annotations [ref]')
    .description('what the logs of a run say of files')
    .addOption(projectOption())
    .addOption(branchOption())
    .option('-j, --job <job>', 'only of this job')
    .addOption(jsonOption())
    .action(carryOut(around, async () => (await import('./commands/annotations.ts')).listAnnotations))
}

const addPinVerbs = (runs: Command, around: Surroundings): void => {
  const load = () => import('./commands/pin.ts')
  runs
    .command('pin [ref]')
    .description('mark a line of a log as the error, for everybody who opens it')
    .addOption(projectOption())
    .addOption(branchOption())
    .option('-j, --job <job>', 'of this job, else of the only one that failed')
    .option('--attempt <number>', 'of this attempt, else of the newest')
    .option('--step <step>', 'of this step, by its name or number, else of the one that failed')
    .option('--line <number>', 'this line of the step')
    .addOption(jsonOption())
    .action(carryOut(around, async () => (await load()).pinLine))
  runs
    .command('unpin [ref]')
    .description('mark no line as the error')
    .addOption(projectOption())
    .addOption(branchOption())
    .option('-j, --job <job>', 'of this job, else of the only one that failed')
    .option('--attempt <number>', 'of this attempt, else of the newest')
    .addOption(jsonOption())
    .action(carryOut(around, async () => (await load()).unpinLine))
}

/** What stays and prints. */
const addFollowVerbs = (program: Command, runs: Command, around: Surroundings): void => {
  for (const parent of [runs, program])
    parent
      .command('watch [ref]')
      .description('follow a run until it ends; exits with its verdict')
      .addOption(projectOption())
      .addOption(branchOption())
      .option('--sha <commit>', 'the run of this commit, for example HEAD; waits for it to appear')
      .option('-j, --job <job>', 'this job, with its log, and exit with its verdict')
      .option('--logs', 'print the logs too')
      .option('--fail-fast', 'end at the first job that fails')
      .option('--timeout <duration>', 'give up after this long, for example 30m')
      .addOption(jsonOption())
      .action(carryOut(around, async () => (await import('./commands/watch.ts')).watch))
  program
    .command('logs [ref]')
    .description('the log of a run')
    .addOption(projectOption())
    .addOption(branchOption())
    .option('-j, --job <job>', 'only this job')
    .option('--step <step>', 'only this step, by its name or number')
    .option('--lines <from-to>', 'only these lines of a step: 120, 120-140 or 120-')
    .option('--tail <count>', 'only so many last lines of a step')
    .option('--grep <regex>', 'only lines that match')
    .option('--since <duration>', 'only lines of the last 10m, 2h or so')
    .option('--all-attempts', 'with --grep: lines of every attempt, found by the server')
    .option('--timestamps', 'each line with its time since the attempt began')
    .option('--format <format>', 'text, ansi (as it was written), html (a page) or ndjson')
    .option('--raw', 'as the job wrote it, also on a terminal')
    .option('-f, --follow', 'stay while it runs')
    .option('--failed', 'only the steps that failed, of jobs that failed')
    .option('--condensed', 'only what tells why jobs failed')
    .addOption(jsonOption())
    .action(carryOut(around, async () => (await import('./commands/logs.ts')).logs))
}

const decisions = [
  ['approve', [], 'let go on what waits for a person'],
  ['reject', ['decline'], 'stop what waits for a person'],
] as const

/** What changes a run. */
const addRunActs = (program: Command, runs: Command, around: Surroundings): void => {
  const load = () => import('./commands/runs.ts')
  runs
    .command('cancel [ref]')
    .description('cancel a run, or one workflow or job of it')
    .addOption(projectOption())
    .addOption(branchOption())
    .option('-j, --job <job>', 'only this job')
    .option('--workflow <name>', 'only this workflow')
    .addOption(jsonOption())
    .action(carryOut(around, async () => (await load()).cancelRun))
  for (const parent of [runs, program])
    parent
      .command('rerun [ref]')
      .description('carry out a run again, by the same plan')
      .addOption(projectOption())
      .addOption(branchOption())
      .option('--failed', 'only what did not pass, and what waited for it')
      .option('--failed-tests', 'the same; `circleci tests run` hands out only the tests that failed')
      .option('-j, --job <job>', 'only this job')
      .option('--class <size>', 'the job is of this size from now on: tiny, small, medium or large')
      .option('-w, --watch', 'stay until it ends')
      .addOption(jsonOption())
      .action(carryOut(around, async () => (await import('./commands/rerun.ts')).rerun))
  for (const [verb, aliases, about] of decisions) {
    const command = program
      .command(`${verb} [ref]`)
      .aliases(aliases)
      .description(about)
      .addOption(projectOption())
      .addOption(branchOption())
      .option('-j, --job <job>', 'this job, else the only one that waits for a person')
      .option('-m, --message <text>', 'a word about why')
      .addOption(jsonOption())
      .action(carryOut(around, async () => (await import('./commands/approve.ts'))[verb]))
    if (verb === 'approve') command.option('--who', 'approve nothing: say who may, and why you may not')
  }
  runs
    .command('start')
    .description('start a run of a branch or tag')
    .addOption(projectOption())
    .option('-b, --branch <name>', 'the branch')
    .option('--tag <name>', 'the tag')
    .option('--commit <id>', 'a commit of it')
    .option('-p, --param <NAME=VALUE>', 'a pipeline parameter; NAME:=3 for JSON (repeatable)', collect, [])
    .option('--no-check', 'send them even when the newest run of the branch declares others')
    .option('-w, --watch', 'stay until it ends')
    .addOption(jsonOption())
    .action(carryOut(around, async () => (await load()).startRun))
  runs
    .command('parameters')
    .description('what a run of a branch or tag may be given, as its newest run found it')
    .addOption(projectOption())
    .option('-b, --branch <name>', 'the branch')
    .option('--tag <name>', 'the tag')
    .addOption(jsonOption())
    .action(carryOut(around, async () => (await import('./commands/parameters.ts')).listParameters))
}

export const addArtifactVerbs = (program: Command, around: Surroundings): void => {
  const artifacts = program.command('artifacts').description('files that jobs stored for people')
  const load = () => import('./commands/artifacts.ts')
  artifacts
    .command('list [ref]')
    .alias('ls')
    .description('those of a run, else of the newest run of this branch')
    .addOption(projectOption())
    .addOption(branchOption())
    .option('-j, --job <job>', 'only of this job')
    .option('-n, --name <glob>', 'only those: *.xml, or with their directory: report/**')
    .addOption(jsonOption())
    .action(carryOut(around, async () => (await load()).listArtifacts))
  artifacts
    .command('download [ref]')
    .alias('get')
    .description('fetch them into a directory, one below it for each job')
    .addOption(projectOption())
    .addOption(branchOption())
    .option('-j, --job <job>', 'only of this job')
    .option('-n, --name <glob>', 'only those: *.xml, or with their directory: report/**')
    .option('-p, --path <path>', 'only this one, or those below it')
    .option('-D, --dir <dir>', 'where to', '.')
    .addOption(jsonOption())
    .action(carryOut(around, async () => (await load()).downloadArtifacts))
}

export const addTestVerbs = (program: Command, around: Surroundings): void => {
  program
    .command('tests')
    .description('results of tests that jobs stored')
    .command('list [ref]')
    .alias('ls')
    .description('those of a run, else of the newest run of this branch: failed ones first')
    .addOption(projectOption())
    .addOption(branchOption())
    .option('-j, --job <job>', 'only of this job')
    .option('--failed', 'only those that failed')
    .addOption(jsonOption())
    .action(carryOut(around, async () => (await import('./commands/tests.ts')).listTests))
}
