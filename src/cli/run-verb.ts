// `mayfly run`: words and options only, as in program.ts. Those of `act`, `gitlab-ci-local` and Jet that people type by heart mean here what they mean there.
import { type Command, Option } from 'commander'
import { type Action, carryOut, collect, jsonOption } from './action.ts'
import type { RunFlags } from './commands/run.ts'
import type { Surroundings } from './surroundings.ts'

/** Sandboxes take as long to start as the verb to load: they start first. */
const loadRun = async (
  around: Surroundings,
  flags: RunFlags,
): Promise<Action<RunFlags, readonly [name: string | undefined]>> => {
  const opening = isShown(flags) ? null : around.openSandboxes()
  // Awaited in every case; a failure before that must not count as unhandled.
  opening?.catch(() => undefined)
  const { listLocally, runLocally } = await import('./commands/run.ts')
  if (opening === null) return listLocally
  return (_around, _flags, name) => runLocally(around, flags, name, opening)
}

const isShown = ({ list, graph, plan }: RunFlags): boolean => [list, graph, plan].includes(true)

export const addRunVerb = (program: Command, around: Surroundings): void => {
  const run = program
    .command('run [name]')
    .description('run a workflow or job of this work tree here, in the sandbox a server would use')
    .option('-j, --job <job>', 'only this job, without those it needs')
    .option('--needs', 'with those it needs')
    .option('--matrix <NAME=VALUE>', 'only these jobs of a matrix (repeatable)', collect, [])
    .option('-l, --list', 'list workflows and jobs instead')
    .option('-g, --graph', 'draw what waits for what instead')
    .option('--plan', 'show the jobs as they would run instead')
  addTold(run)
  addGiven(run)
    .option('-n, --jobs <count>', 'jobs at once')
    .option('-w, --watch', 'again when a file changes, until Ctrl-C')
    .option('--artifacts <dir>', 'put what jobs store as artifacts there')
    .option('--cache', 'keep caches on this machine, for this work tree')
    .addOption(jsonOption())
    .action(carryOut(around, (flags: RunFlags) => loadRun(around, flags)))
}

/** What the configuration and its jobs are told. */
const addTold = (run: Command): Command =>
  run
    .option('-p, --param <NAME=VALUE>', 'a pipeline parameter; NAME:=3 for JSON (repeatable)', collect, [])
    .addOption(new Option('--event <kind>', 'as if it were one').choices(['push', 'manual', 'schedule']))
    .option('-b, --branch <name>', 'as if on this branch')
    .addOption(new Option('--ci-branch <name>').hideHelp())
    .option('--tag <name>', 'as if on this tag')
    .option('--pull-request <number>', 'as if of this one')
    .option('--changed-since <commit>', 'what path filtering compares with')
    .option('-W, --config <file>', 'this configuration instead')

/** What jobs get, and what they may. */
const addGiven = (run: Command): Command =>
  run
    .option('-e, --env <KEY=VALUE>', 'variable for every job (repeatable)', collect, [])
    .addOption(new Option('--variable <KEY=VALUE>').hideHelp().argParser(collect).default([]))
    .option('--env-file <file>', 'variables, one KEY=VALUE a line')
    .option('-s, --secret <NAME>', 'asked for; or a variable, NAME=@FILE (repeatable)', collect, [])
    .option('--secret-file <file>', 'secrets, one KEY=VALUE a line')
    .addOption(new Option('--network <mode>', 'what jobs may reach').choices(['none', 'open']))
    .addOption(new Option('--isolation <class>', 'the weakest to run in').choices(['rootless', 'container']))
    .addOption(new Option('--image <where>', 'where tools come from').choices(['host']).default('host'))
