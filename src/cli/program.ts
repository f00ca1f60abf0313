// The verbs of `mayfly` (experience.md §2). Only words and options stand here; what a verb does is imported when it is
// called, so that `mayfly --help` and `mayfly run` load nothing they do not need.
import { Argument, Command, CommanderError, Option } from 'commander'
import { fault } from '../base/faults.ts'
import { carryOut, collect, jsonOption } from './action.ts'
import { addAdmissionVerbs } from './admission-verbs.ts'
import { whenSure, withYes } from './confirm.ts'
import { addEverywhere } from './everywhere.ts'
import { exitCodes } from './exit-codes.ts'
import { commandIn } from './help/complete.ts'
import { help, pathOf } from './help/help.ts'
import { guarded } from './inert.ts'
import { addIntakeVerbs } from './intake-verbs.ts'
import { addJsonFields, splitJsonFields } from './json-fields.ts'
import { addOidcVerbs } from './oidc-verbs.ts'
import { addAccessVerbs, addPeopleVerbs } from './people-verbs.ts'
import { addPlaceVerbs } from './place-verbs.ts'
import { reportError } from './report-error.ts'
import { addRunVerb } from './run-verb.ts'
import { addArtifactVerbs, addRunVerbs, addTestVerbs } from './run-verbs.ts'
import { addContextVerbs, addSecretVerbs } from './secret-verbs.ts'
import type { Surroundings } from './surroundings.ts'
import { addWebhookVerbs } from './webhook-verbs.ts'

/** Verbs of other zones, added by main/cli.ts: `up`, `down`. */
export type ExtraCommands = (program: Command) => void

export const createProgram = (
  given: Surroundings,
  extraCommands: ExtraCommands = () => undefined,
): Command => {
  const around = { ...given, stdout: guarded(given.stdout), stderr: guarded(given.stderr) }
  const program = new Command('mayfly')
    .description('Self-hosted CI/CD: every job lives once, in one throw-away sandbox')
    .version(around.version)
    .exitOverride()
    .showSuggestionAfterError()
    .configureHelp(help)
    .configureOutput({
      writeOut: (text) => around.stdout.write(text),
      writeErr: (text) => around.stderr.write(text),
      // runProgram says it, as every other error.
      outputError: () => undefined,
      ...{ getOutHelpWidth: () => columnsOf(around.stdout), getErrHelpWidth: () => columnsOf(around.stderr) },
    })
  addEverywhere(program)
  addLocalVerbs(program, around)
  addConfigVerbs(program, around)
  addPlaceVerbs(program, around)
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
  addWebhookVerbs(program, around)
  addPeopleVerbs(program, around)
  addRunnerVerbs(program, around)
  addCompletion(program, around)
  addHelp(program, around)
  extraCommands(program)
  addJsonFields(program)
  return program
}

const columnsOf = (output: Surroundings['stdout']): number => (output.isTerminal ? output.columns : 80)

/** Parses and carries out. Verbs report their own failures; what arrives here is a refusal of commander. */
export const runProgram = async (
  program: Command,
  around: Surroundings,
  words: readonly string[],
): Promise<void> => {
  try {
    await program.parseAsync([...splitJsonFields(words)], { from: 'user' })
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    // Help and version asked for are a success, everything else is wrong usage.
    if (error.exitCode === 0) around.setExitCode(exitCodes.success)
    // The help of a noun without its verb is printed already, and says more than an error.
    else if (error.code === 'commander.help') around.setExitCode(exitCodes.usage)
    else around.setExitCode(reportUsage(program, around, { words, message: error.message }))
  }
}

/** Words that are understood in no way: a suggestion where there is one, never a guess. */
const reportUsage = (
  program: Command,
  around: Surroundings,
  { words, message }: { readonly words: readonly string[]; readonly message: string },
): number => {
  const end = words.indexOf('--')
  const isJson = (end === -1 ? words : words.slice(0, end)).some((word) => /^--json(=|$)/.test(word))
  const verb = ['mayfly', 'help', ...pathOf(commandIn(program, words))].join(' ')
  const wrong = fault('E_INPUT', { public: message.replace(/^error: /, '').replaceAll('\n', ' ') })
  return reportError(around, wrong, {
    json: isJson,
    next: habit(message) ?? `\`${verb}\` says what it takes`,
  })
}

/** What other programs have, and where it is here (0069). */
const habit = (message: string): string | null =>
  /unknown option '--jq\b/.test(message) ? 'let jq read it: `--json | jq EXPR`, and `mayfly help json`' : null

const addLocalVerbs = (program: Command, around: Surroundings): void => {
  addRunVerb(program, around)
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
  const project = program.command('project').alias('projects').description('projects of the installation')
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
  withYes(project.command('rotate-hook <name>'))
    .description('a new secret for its hook; it is shown once')
    .option('--install-hook <dir>', 'put it into this bare repository instead, with the hook')
    .action(
      carryOut(
        around,
        whenSure(
          (name: string) => `End the secret that the hook of ${name} has now?`,
          async () => (await import('./commands/project.ts')).rotateHook,
        ),
      ),
    )
  withYes(project.command('remove <name>'))
    .alias('rm')
    .description('remove it with its runs, logs, files and keys')
    .action(
      carryOut(
        around,
        whenSure(
          (name: string) =>
            `Remove ${name} with all its runs, logs, files and keys? Nobody can bring them back.`,
          async () => (await import('./commands/project.ts')).removeProject,
        ),
      ),
    )
  addProjectSet(project, around)
  addAdmissionVerbs(project, around)
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

const addProjectSet = (project: Command, around: Surroundings): void => {
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
    .option('--approvals-by <count>', 'it takes so many different people to approve, 1 to 5')
    .addOption(
      new Option(
        '--approvals-not-self <word>',
        'not by who began the run, wanted it again or wrote its commit',
      ).choices(['on', 'off']),
    )
    .addOption(new Option('--approvals-role <role>', 'at least of this role').choices(['owner', 'developer']))
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
}

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

const addRunnerVerbs = (program: Command, around: Surroundings): void => {
  program
    .command('runner')
    .alias('runners')
    .description('the machines that carry out jobs')
    .command('list')
    .alias('ls')
    .description('list runners and what they offer')
    .addOption(jsonOption())
    .action(carryOut(around, async () => (await import('./commands/runners.ts')).listRunners))
}

/** In place of commander's own, which knows verbs only. */
const addHelp = (program: Command, around: Surroundings): void => {
  program
    .helpCommand(false)
    .command('help [words...]')
    .description('more of a verb, or of a topic')
    .option('--man', 'as a manual of this verb, or of all, for man -l -')
    .action(
      carryOut(around, async () => {
        const { printHelp } = await import('./commands/help.ts')
        return (own, flags: { readonly man?: boolean }, words: readonly string[]) =>
          printHelp(own, { ...flags, program }, words)
      }),
    )
}

const addCompletion = (program: Command, around: Surroundings): void => {
  const load = () => import('./commands/completion.ts')
  program
    .command('completion')
    .description('what a shell reads to know verbs, options and names')
    .addArgument(new Argument('<shell>', 'which').choices(['bash', 'zsh', 'fish']))
    .action(carryOut(around, async () => (await load()).printCompletion))
  program.command('complete [words...]', { hidden: true }).action(
    carryOut(around, async () => {
      const { printCandidates } = await load()
      return (_around, _flags: object, words: readonly string[]) => printCandidates(around, program, words)
    }),
  )
}
