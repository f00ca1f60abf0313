// The verbs of `mayfly` (experience.md §2). Only words and options stand here; what a verb does is imported when it is
// called, so that `mayfly --help` and `mayfly run` load nothing they do not need.
import { Command, CommanderError, Option } from 'commander'
import { type Action, carryOut, collect, jsonOption } from './action.ts'
import type { RunFlags } from './commands/run.ts'
import { exitCodes } from './exit-codes.ts'
import { addIntakeVerbs } from './intake-verbs.ts'
import { addOidcVerbs } from './oidc-verbs.ts'
import { addContextVerbs, addSecretVerbs } from './secret-verbs.ts'
import type { Surroundings } from './surroundings.ts'

/** Verbs of other zones, added by main/cli.ts: `up`, `down`. */
export type ExtraCommands = (program: Command) => void

export const createProgram = (
  around: Surroundings,
  extraCommands: ExtraCommands = () => undefined,
): Command => {
  const program = new Command('mayfly')
    .description('Self-hosted CI/CD: every job lives once, in one throw-away sandbox')
    .version(around.version)
    .exitOverride()
    .showSuggestionAfterError()
    .configureOutput({
      writeOut: (text) => around.stdout.write(text),
      writeErr: (text) => around.stderr.write(text),
    })
  addLocalVerbs(program, around)
  addConfigVerbs(program, around)
  addProjectVerbs(program, around)
  addOrbVerbs(program, around)
  addRunVerbs(program, around)
  addArtifactVerbs(program, around)
  addTestVerbs(program, around)
  addAccessVerbs(program, around)
  addSecretVerbs(program, around)
  addOidcVerbs(program, around)
  addContextVerbs(program, around)
  addIntakeVerbs(program, around)
  addPeopleVerbs(program, around)
  addRunnerVerbs(program, around)
  extraCommands(program)
  return program
}

/** Parses and carries out. Verbs report their own failures; what arrives here is a refusal of commander. */
export const runProgram = async (
  program: Command,
  around: Surroundings,
  words: readonly string[],
): Promise<void> => {
  try {
    await program.parseAsync([...words], { from: 'user' })
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    // Help and version asked for are a success, everything else is wrong usage.
    around.setExitCode(error.exitCode === 0 ? exitCodes.success : exitCodes.usage)
  }
}

/** Sandboxes take as long to start as the verb to load: they start first. */
const loadRun = async (
  around: Surroundings,
  flags: RunFlags,
): Promise<Action<RunFlags, readonly [name: string | undefined]>> => {
  const opening = flags.list === true ? null : around.openSandboxes()
  // Awaited in every case; a failure before that must not count as unhandled.
  opening?.catch(() => undefined)
  const { listLocally, runLocally } = await import('./commands/run.ts')
  if (opening === null) return listLocally
  return (_around, _flags, name) => runLocally(around, flags, name, opening)
}

const addLocalVerbs = (program: Command, around: Surroundings): void => {
  program
    .command('run [name]')
    .description('run a workflow or job of this work tree here, in the sandbox a server would use')
    .option('-j, --job <job>', 'only this job, without those it needs')
    .option('-l, --list', 'list workflows and jobs instead')
    .option('-e, --env <KEY=VALUE>', 'variable for every job (repeatable)', collect, [])
    .option('--env-file <file>', 'variables, one KEY=VALUE a line')
    .option(
      '-s, --secret <NAME>',
      'asked for, or from a variable; NAME=@FILE for a file (repeatable)',
      collect,
      [],
    )
    .option('--secret-file <file>', 'secrets, one KEY=VALUE a line')
    .addOption(new Option('--network <mode>', 'what jobs may reach').choices(['none', 'open']))
    .addOption(new Option('--isolation <class>', 'the weakest to run in').choices(['rootless', 'container']))
    .addOption(new Option('--image <where>', 'where tools come from').choices(['host']).default('host'))
    .option('-n, --jobs <count>', 'jobs at once')
    .option('--artifacts <dir>', 'put what jobs store as artifacts there')
    .option('--cache', 'keep caches on this machine, for this work tree')
    .addOption(jsonOption())
    .action(carryOut(around, (flags: RunFlags) => loadRun(around, flags)))
  program
    .command('lint [paths...]')
    .alias('validate')
    .description('check the configuration of this work tree')
    .addOption(
      new Option('--format <format>', 'how to print')
        .choices(['human', 'json', 'sarif', 'github', 'gcc', 'junit'])
        .default('human'),
    )
    .option('--strict', 'warnings fail too')
    .option('--fix', 'write the words that problems suggest, where the file gets better by it')
    .option('--report', 'what becomes of every construct of the file')
    .action(carryOut(around, async () => (await import('./commands/lint.ts')).lint))
  program
    .command('explain [code]')
    .description('what a code such as MF2107 means, and how to mend it')
    .addOption(jsonOption())
    .action(carryOut(around, async () => (await import('./commands/explain.ts')).explain))
  program
    .command('status')
    .description('how the installation is: every part and process, disk, queue, last backup')
    .addOption(jsonOption())
    .action(carryOut(around, async () => (await import('./commands/status.ts')).status))
  program
    .command('doctor')
    .description('check this machine and the installation on it')
    .addOption(jsonOption())
    .action(carryOut(around, async () => (await import('./commands/doctor.ts')).doctor))
}

const addConfigVerbs = (program: Command, around: Surroundings): void => {
  const config = program.command('config').description('what a configuration becomes, and when')
  const load = () => import('./commands/config.ts')
  const withEvent = (command: Command): Command =>
    command
      .addOption(
        new Option('--event <kind>', 'what happens').choices(['push', 'manual', 'schedule']).default('push'),
      )
      .option('-b, --branch <name>', 'to this branch instead of the one of the work tree')
      .option('--tag <name>', 'to this tag')
      .option('--pull-request <number>', 'of this pull request')
      .option('-p, --parameter <NAME=VALUE>', 'a pipeline parameter (repeatable)', collect, [])
  withEvent(config.command('show [path]'))
    .description('the configuration, or with --compiled the plan it becomes')
    .option('--compiled', 'jobs as they would run')
    .option('--with-origins', 'compiled, each line with the place that shaped it')
    .addOption(jsonOption())
    .action(carryOut(around, async () => (await load()).showConfig))
  withEvent(config.command('graph [path]'))
    .description('its jobs and what they wait for')
    .addOption(
      new Option('--format <format>', 'how to draw')
        .choices(['text', 'mermaid', 'dot', 'svg'])
        .default('text'),
    )
    .action(carryOut(around, async () => (await load()).graphConfig))
  withEvent(config.command('simulate [path]'))
    .description('which workflows and jobs an event would start, and why not the others')
    .option('--files <paths>', 'the files that changed, with commas between them, for path filtering')
    .addOption(jsonOption())
    .action(carryOut(around, async () => (await load()).simulateConfig))
  withEvent(config.command('diff <before> [after]'))
    .description('the jobs of two configurations that differ, and how')
    .action(carryOut(around, async () => (await load()).diffConfig))
  config
    .command('pin [path]')
    .description('write the exact versions of its orbs into a configuration')
    .option('--dry-run', 'say what would be written')
    .action(carryOut(around, async () => (await import('./commands/config-pin.ts')).pinConfig))
  config
    .command('schema')
    .description('a JSON Schema of the configuration, for editors')
    .action(carryOut(around, async () => (await load()).printSchema))
}

const addProjectVerbs = (program: Command, around: Surroundings): void => {
  const project = program.command('project').description('projects of the installation')
  project
    .command('add <name>')
    .description('add a project; prints deploy key and hook')
    .option('--ssh <url>', 'address of its Git repository')
    .option('--path <dir>', 'a repository on the server itself, below --local-repos')
    .option('--default-branch <name>', 'branch of runs without a ref')
    .option('--install-hook <dir>', 'put hook and secret into this bare repository')
    .addOption(jsonOption())
    .action(carryOut(around, async () => (await import('./commands/project.ts')).addProject))
  const source = () => import('./commands/project-source.ts')
  project
    .command('view <name>')
    .description('one project: source, key, hook, host keys, last run')
    .addOption(jsonOption())
    .action(carryOut(around, async () => (await source()).viewProject))
  project
    .command('contact <name>')
    .description('look at its source host now: can it be read, and with which host key')
    .addOption(jsonOption())
    .action(carryOut(around, async () => (await source()).contactProject))
  project
    .command('trust <name> [fingerprint]')
    .description('this host key of its source host is the right one; without it, those that wait for that')
    .addOption(jsonOption())
    .action(carryOut(around, async () => (await source()).confirmHostKey))
  project
    .command('rotate-hook <name>')
    .description('a new secret for its hook; it is shown once')
    .option('--install-hook <dir>', 'put it into this bare repository instead')
    .action(carryOut(around, async () => (await import('./commands/project.ts')).rotateHook))
  project
    .command('set <name>')
    .description('change how its runs are handled')
    .addOption(
      new Option('--auto-cancel <word>', 'a push ends the runs of earlier pushes to its branch').choices([
        'on',
        'off',
      ]),
    )
    .addOption(
      new Option(
        '--untrusted-text <rule>',
        'names of branches and tags with unsafe characters in scripts',
      ).choices(['stop', 'keep']),
    )
    .option('--poll <interval>', 'ask its source host for pushes so often, for example 5m, or off')
    .option('--approvals-expire <time>', 'a job waits so long for a person, for example 7d, or never')
    .option('--jobs <count>', 'at most so many at once, or none for no limit')
    .addOption(
      new Option('--priority <word>', 'how often it has its turn among others').choices([
        'low',
        'normal',
        'high',
      ]),
    )
    .addOption(jsonOption())
    .action(carryOut(around, async () => (await import('./commands/project-set.ts')).setProject))
  program
    .command('org')
    .description('what holds for all projects')
    .option('--jobs <count>', 'at most so many at once, or none for no limit')
    .addOption(jsonOption())
    .action(carryOut(around, async () => (await import('./commands/org.ts')).organisation))
  project
    .command('list')
    .alias('ls')
    .description('list projects')
    .addOption(jsonOption())
    .action(carryOut(around, async () => (await import('./commands/project.ts')).listProjects))
}

const projectOption = () => new Option('-R, --project <name>', 'the project, else the one of this work tree')

const addOrbVerbs = (program: Command, around: Surroundings): void => {
  const orb = program.command('orb').description('the orb store of the installation')
  orb
    .command('add <id> <file>')
    .description('put the source of an orb there: namespace/orb@1.2.3, or its https address')
    .addOption(jsonOption())
    .action(carryOut(around, async () => (await import('./commands/orb.ts')).addOrb))
  orb
    .command('list')
    .alias('ls')
    .description('list orbs and their versions')
    .addOption(jsonOption())
    .action(carryOut(around, async () => (await import('./commands/orb.ts')).listOrbs))
  orb
    .command('show <id>')
    .description('print the source of an orb')
    .addOption(jsonOption())
    .action(carryOut(around, async () => (await import('./commands/orb.ts')).showOrb))
}

const addRunVerbs = (program: Command, around: Surroundings): void => {
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
    .option('--limit <count>', 'at most so many', '20')
    .addOption(jsonOption())
    .action(carryOut(around, async () => (await load()).listRuns))
  runs
    .command('why [ref]')
    .description('why jobs of a run do not run yet')
    .addOption(projectOption())
    .option('-j, --job <job>', 'only this job')
    .addOption(jsonOption())
    .action(carryOut(around, async () => (await import('./commands/why.ts')).why))
  runs
    .command('view [ref]')
    .description('one run with its jobs')
    .addOption(projectOption())
    .addOption(jsonOption())
    .action(carryOut(around, async () => (await load()).viewRun))
  addRunActs(program, runs, around)
  program
    .command('watch [ref]')
    .description('follow a run until it ends; exits with its verdict')
    .addOption(projectOption())
    .option('--logs', 'print the logs too')
    .option('--timeout <duration>', 'give up after this long, for example 30m')
    .addOption(jsonOption())
    .action(carryOut(around, async () => (await import('./commands/watch.ts')).watch))
  program
    .command('logs [ref]')
    .description('the log of a run')
    .addOption(projectOption())
    .option('-j, --job <job>', 'only this job')
    .option('--step <step>', 'only this step, by its name or number')
    .option('--lines <from-to>', 'only these lines of a step: 120, 120-140 or 120-')
    .option('--tail <count>', 'only so many last lines of a step')
    .option('--grep <regex>', 'only lines that match')
    .option('--timestamps', 'each line with its time since the attempt began')
    .option('--raw', 'as the job wrote it, also on a terminal')
    .option('-f, --follow', 'stay while it runs')
    .option('--failed', 'only the steps that failed, of jobs that failed')
    .action(carryOut(around, async () => (await import('./commands/logs.ts')).logs))
}

const decisions = [
  ['approve', [], 'let go on what waits for a person'],
  ['reject', ['decline'], 'stop what waits for a person'],
] as const

/** What changes a run. */
const addArtifactVerbs = (program: Command, around: Surroundings): void => {
  const artifacts = program.command('artifacts').description('files that jobs stored for people')
  const load = () => import('./commands/artifacts.ts')
  artifacts
    .command('list [ref]')
    .alias('ls')
    .description('those of a run, else of the newest run of this branch')
    .addOption(projectOption())
    .option('-j, --job <job>', 'only of this job')
    .addOption(jsonOption())
    .action(carryOut(around, async () => (await load()).listArtifacts))
  artifacts
    .command('download [ref]')
    .description('fetch them into a directory, one below it for each job')
    .addOption(projectOption())
    .option('-j, --job <job>', 'only of this job')
    .option('-p, --path <path>', 'only this one, or those below it')
    .option('-D, --dir <dir>', 'where to', '.')
    .addOption(jsonOption())
    .action(carryOut(around, async () => (await load()).downloadArtifacts))
}

const addTestVerbs = (program: Command, around: Surroundings): void => {
  program
    .command('tests')
    .description('results of tests that jobs stored')
    .command('list [ref]')
    .alias('ls')
    .description('those of a run, else of the newest run of this branch: failed ones first')
    .addOption(projectOption())
    .option('-j, --job <job>', 'only of this job')
    .option('--failed', 'only those that failed')
    .addOption(jsonOption())
    .action(carryOut(around, async () => (await import('./commands/tests.ts')).listTests))
}

const addRunActs = (program: Command, runs: Command, around: Surroundings): void => {
  const load = () => import('./commands/runs.ts')
  runs
    .command('cancel [ref]')
    .description('cancel a run, or one workflow or job of it')
    .addOption(projectOption())
    .option('-j, --job <job>', 'only this job')
    .option('--workflow <name>', 'only this workflow')
    .addOption(jsonOption())
    .action(carryOut(around, async () => (await load()).cancelRun))
  for (const parent of [runs, program])
    parent
      .command('rerun [ref]')
      .description('carry out a run again, by the same plan')
      .addOption(projectOption())
      .option('--failed', 'only what did not pass, and what waited for it')
      .option('--failed-tests', 'the same; `circleci tests run` hands out only the tests that failed')
      .option('-j, --job <job>', 'only this job')
      .option('-w, --watch', 'stay until it ends')
      .addOption(jsonOption())
      .action(carryOut(around, async () => (await import('./commands/rerun.ts')).rerun))
  for (const [verb, aliases, about] of decisions)
    program
      .command(`${verb} [ref]`)
      .aliases(aliases)
      .description(about)
      .addOption(projectOption())
      .option('-j, --job <job>', 'this job, else the only one that waits for a person')
      .option('-m, --message <text>', 'a word about why')
      .addOption(jsonOption())
      .action(carryOut(around, async () => (await import('./commands/approve.ts'))[verb]))
  runs
    .command('start')
    .description('start a run of a branch or tag')
    .addOption(projectOption())
    .option('-b, --branch <name>', 'the branch')
    .option('--tag <name>', 'the tag')
    .option('--commit <id>', 'a commit of it')
    .option('-p, --param <NAME=VALUE>', 'a pipeline parameter; NAME:=3 for JSON (repeatable)', collect, [])
    .option('-w, --watch', 'stay until it ends')
    .addOption(jsonOption())
    .action(carryOut(around, async () => (await load()).startRun))
}

const addAccessVerbs = (program: Command, around: Surroundings): void => {
  const load = () => import('./commands/access.ts')
  program
    .command('login <url>')
    .description('sign in to an installation elsewhere')
    .requiredOption('--token-stdin', 'read the token from standard input')
    .action(carryOut(around, async () => (await load()).login))
  program
    .command('logout')
    .description('forget the token')
    .action(carryOut(around, async () => (await load()).logout))
  program
    .command('whoami')
    .description('who the server says I am')
    .addOption(jsonOption())
    .action(carryOut(around, async () => (await load()).whoami))
  const token = program.command('token').description('my API tokens')
  token
    .command('create <name>')
    .description('make a token; it is shown once')
    .option('--scope <verb>', 'what it may do (repeatable)', collect, [])
    .option('--project <name>', 'limited to this project (repeatable; default: all)', collect, [])
    .option('--days <count>', 'valid so long', '90')
    .addOption(jsonOption())
    .action(carryOut(around, async () => (await load()).createToken))
  token
    .command('list')
    .alias('ls')
    .description('list tokens')
    .addOption(jsonOption())
    .action(carryOut(around, async () => (await load()).listTokens))
  token
    .command('revoke <id>')
    .description('end a token now')
    .addOption(jsonOption())
    .action(carryOut(around, async () => (await load()).revokeToken))
}

const addRunnerVerbs = (program: Command, around: Surroundings): void => {
  program
    .command('runner')
    .description('the machines that carry out jobs')
    .command('list')
    .alias('ls')
    .description('list runners and what they offer')
    .addOption(jsonOption())
    .action(carryOut(around, async () => (await import('./commands/runners.ts')).listRunners))
}

const addPeopleVerbs = (program: Command, around: Surroundings): void => {
  const load = () => import('./commands/people.ts')
  const verb = (parent: Command, words: string, description: string): Command =>
    parent.command(words).description(description).addOption(jsonOption())
  const session = program.command('session').description('who is signed in, and where')
  verb(session, 'list', 'sessions of everybody')
    .alias('ls')
    .action(carryOut(around, async () => (await load()).listSessions))
  verb(session, 'end [id]', 'end a session, or all of them')
    .option('--all', 'sign everybody out')
    .action(carryOut(around, async () => (await load()).endSessions))
  const member = program.command('member').description('members, their roles, invitations')
  verb(member, 'list', 'list members')
    .alias('ls')
    .action(carryOut(around, async () => (await load()).listMembers))
  verb(member, 'role <id> <role>', 'owner, developer or viewer').action(
    carryOut(around, async () => (await load()).setRole),
  )
  verb(member, 'disable <id>', 'end their sessions and tokens and let them in no more').action(
    carryOut(around, async () => (await load()).disableMember),
  )
  verb(member, 'enable <id>', 'let them in again').action(
    carryOut(around, async () => (await load()).enableMember),
  )
  verb(member, 'sign-out <id>', 'end every session of theirs').action(
    carryOut(around, async () => (await load()).signOutMember),
  )
  verb(member, 'invite', 'a link for one more member; it is shown once')
    .addOption(
      new Option('--role <role>', 'their role')
        .choices(['owner', 'developer', 'viewer'])
        .default('developer'),
    )
    .option('--days <count>', 'valid so long', '7')
    .action(carryOut(around, async () => (await load()).invite))
  verb(member, 'invitations', 'those that are open').action(
    carryOut(around, async () => (await load()).listInvitations),
  )
  verb(member, 'uninvite <id>', 'take an invitation back').action(
    carryOut(around, async () => (await load()).uninvite),
  )
}
