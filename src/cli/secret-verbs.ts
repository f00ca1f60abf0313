// `mayfly secrets …`: words and options only, as in program.ts.
import { type Command, InvalidArgumentError, Option } from 'commander'
import { secretViews } from '../protocol/secret-views.ts'
import { carryOut, collect, jsonOption } from './action.ts'
import { whenSure, withYes } from './confirm.ts'
import type { Surroundings } from './surroundings.ts'

export const addSecretVerbs = (program: Command, around: Surroundings): void => {
  const secrets = program
    .command('secrets')
    .alias('secret')
    .description('secrets of a project or a context; nobody can read one back')
  const load = () => import('./commands/secrets.ts')
  addSetVerb(secrets, around)
  addRotateVerb(secrets, around)
  secrets
    .command('list')
    .alias('ls')
    .description('names, versions and last use')
    .addOption(
      new Option(
        '--view <queue>',
        'those to look at: seen in output, not used for 90 days, due, for too many, of leavers',
      ).choices(secretViews),
    )
    .option('--all', 'those of every project and context of the organisation')
    .addOption(projectOption())
    .addOption(contextOption())
    .addOption(jsonOption())
    .action(carryOut(around, async () => (await load()).listSecrets))
  secrets
    .command('show <name>')
    .description('everything about a secret but the secret')
    .addOption(projectOption())
    .addOption(contextOption())
    .addOption(jsonOption())
    .action(carryOut(around, async () => (await load()).showSecret))
  withYes(secrets.command('revoke <name>'))
    .alias('rm')
    .description('remove all values of a secret')
    .addOption(projectOption())
    .addOption(contextOption())
    .addOption(jsonOption())
    .action(
      carryOut(
        around,
        whenSure(
          (name: string) => `Remove ${name} with all its values? Nobody has a copy.`,
          async () => (await load()).revokeSecret,
        ),
      ),
    )
  addImportVerb(secrets, around)
  addStateVerbs(secrets, around)
  addSigningKeyVerbs(secrets, around)
  addSignerVerbs(secrets, around)
  addTwoPersonVerbs(secrets, around)
}

const projectOption = () => new Option('-R, --project <name>', 'the project, else the one of this work tree')
const onLeakOption = () =>
  new Option(
    '--on-leak <what>',
    'when it is in what a job said, where it cannot be masked: tell, or revoke it by itself',
  ).choices(['tell', 'revoke'])
const contextOption = () => new Option('--context <name>', 'a context of the organisation instead')

const addSetVerb = (secrets: Command, around: Surroundings): void => {
  secrets
    .command('set <name>')
    .description('put a secret, or a new version of it; the value comes from standard input')
    .addOption(projectOption())
    .addOption(contextOption())
    .addOption(
      new Option(
        '--kind <kind>',
        'as a variable, a file, a key of an agent, or a key that only the vault signs with',
      ).choices(['env', 'file', 'ssh', 'signing']),
    )
    .option('--file <path>', 'read the value from this file')
    .addOption(generateOption())
    .option('--known-hosts <path>', 'of an SSH key: lines of the hosts it is for, as ssh-keyscan prints them')
    .option(
      '--ref <glob>',
      'goes to runs of these refs (repeatable; default: the default branch, of a context: any)',
      collect,
      [],
    )
    .option(
      '--event <kind>',
      'of these events (repeatable; default: push, manual, of a context: any)',
      collect,
      [],
    )
    .option('--only-newest', 'only while the commit is the newest of its branch or tag')
    .option('--no-only-newest', 'also to older commits of it')
    .option('--expires <days>', 'good so long, for example 90d, or never')
    .option('--rotate-after <days>', 'due to be replaced after, for example 90d, or never')
    .option('--overlap <days>', 'the version before still goes to jobs so long, as NAME_PREVIOUS')
    .option('--allow-unmaskable', 'also a value too short to be masked in logs')
    .addOption(onLeakOption())
    .addOption(jsonOption())
    .action(carryOut(around, async () => (await import('./commands/secrets.ts')).setSecret))
}

const generateOption = () =>
  new Option('--generate <bytes>', 'a random value of so many bytes, which nobody is shown').argParser(
    (value: string) => {
      const bytes = Number(value)
      if (!/^\d+$/.test(value) || bytes < 16 || bytes > 1024)
        throw new InvalidArgumentError('It takes from 16 to 1024 bytes.')
      return bytes
    },
  )

const addRotateVerb = (secrets: Command, around: Surroundings): void => {
  secrets
    .command('rotate <name>')
    .description(
      'another value for a secret that there is; where it goes stays; the value comes from standard input',
    )
    .addOption(projectOption())
    .addOption(contextOption())
    .option('--file <path>', 'read the value from this file')
    .addOption(generateOption())
    .option('--expires <days>', 'good so long, for example 90d, or never')
    .option('--overlap <days>', 'the version before still goes to jobs so long, as NAME_PREVIOUS')
    .option('--allow-unmaskable', 'also a value too short to be masked in logs')
    .addOption(jsonOption())
    .action(carryOut(around, async () => (await import('./commands/secrets.ts')).rotateSecret))
}

/** Without its value. */
const addStateVerbs = (secrets: Command, around: Surroundings): void => {
  const load = () => import('./commands/secret-state.ts')
  const verb = (words: string, description: string) =>
    secrets
      .command(words)
      .description(description)
      .addOption(projectOption())
      .addOption(contextOption())
      .addOption(jsonOption())
  verb('edit <name>', 'until when it is good, when it is due to be replaced, what happens when it leaks')
    .option('--expires <days>', 'good so long, for example 90d, or never')
    .option('--rotate-after <days>', 'due to be replaced after, for example 90d, or never')
    .addOption(onLeakOption())
    .action(carryOut(around, async () => (await load()).editSecret))
  verb('disable <name>', 'give it to no job, until it is enabled').action(
    carryOut(around, async () => (await load()).disableSecret),
  )
  verb('enable <name>', 'give it to jobs again').action(
    carryOut(around, async () => (await load()).enableSecret),
  )
  verb('reach <name>', 'who and what can reach it, by the rules that judge each job').action(
    carryOut(around, async () => (await load()).showReach),
  )
}

const addImportVerb = (secrets: Command, around: Surroundings): void => {
  secrets
    .command('import <file>')
    .description('put what a .env file names, sealed here; - is standard input')
    .addOption(projectOption())
    .addOption(contextOption())
    .option('--only <name>', 'these alone (repeatable)', collect, [])
    .option('--replace', 'also those that there are, which get a new version')
    .option('--dry-run', 'say what would happen to each, and send nothing')
    .option('--allow-test-value <name>', 'also if it looks like changeme (repeatable)', collect, [])
    .option('--allow-unmaskable', 'also values too short to be masked in logs')
    .addOption(jsonOption())
    .action(carryOut(around, async () => (await import('./commands/import-secrets.ts')).importSecrets))
}

/** Of kind `signing`. */
const addSigningKeyVerbs = (secrets: Command, around: Surroundings): void => {
  const load = () => import('./commands/secrets.ts')
  secrets
    .command('public-key <name>')
    .description('the public half of a signing key, as openssl takes it')
    .addOption(projectOption())
    .addOption(contextOption())
    .action(carryOut(around, async () => (await load()).printPublicKey))
  secrets
    .command('signatures <name>')
    .description('what was signed with a signing key, newest first')
    .addOption(projectOption())
    .addOption(contextOption())
    .option('--limit <count>', 'at most so many', '20')
    .addOption(jsonOption())
    .action(carryOut(around, async () => (await load()).listSignatures))
}

export const addContextVerbs = (program: Command, around: Surroundings): void => {
  const context = program
    .command('context')
    .alias('contexts')
    .description('named sets of secrets of the organisation, and which jobs may use them')
  const load = () => import('./commands/contexts.ts')
  const rules = (command: Command): Command =>
    command
      .addOption(
        new Option('--project <name>', 'for jobs of these projects alone (repeatable)').argParser(collect),
      )
      .option('--all-projects', 'for jobs of every project, also of those to come')
      .addOption(
        new Option(
          '--ref <glob>',
          '`default` for the default branch of each project, or full refs (repeatable)',
        ).argParser(collect),
      )
      .addOption(
        new Option(
          '--role <role>',
          'only when an owner, or a developer, wants the job (repeatable)',
        ).argParser(collect),
      )
      .option('--any-role', 'whoever or whatever began the run, a push too')
      .addOption(jsonOption())
  rules(
    context.command('create <name>').description('make a context; nobody may use it until --project'),
  ).action(carryOut(around, async () => (await load()).createContext))
  context
    .command('list')
    .alias('ls')
    .description('all contexts and their rules')
    .addOption(jsonOption())
    .action(carryOut(around, async () => (await load()).listContexts))
  context
    .command('view <name>')
    .description('the rules of a context and the names of its secrets')
    .addOption(jsonOption())
    .action(carryOut(around, async () => (await load()).viewContext))
  rules(
    context.command('edit <name>').description('change its rules: what is given takes the place of what was'),
  ).action(carryOut(around, async () => (await load()).editContext))
  withYes(context.command('delete <name>'))
    .description('delete a context with all its secrets')
    .addOption(jsonOption())
    .action(
      carryOut(
        around,
        whenSure(
          (name: string) => `Delete the context ${name} with all its secrets? Nobody has a copy.`,
          async () => (await load()).deleteContext,
        ),
      ),
    )
}

const addTwoPersonVerbs = (secrets: Command, around: Surroundings): void => {
  const load = () => import('./commands/two-person.ts')
  secrets
    .command('two-person [on-or-off]')
    .description('whether what lets more jobs have a secret, or for longer, takes two people')
    .addOption(jsonOption())
    .action(carryOut(around, async () => (await load()).twoPerson))
  secrets
    .command('proposals')
    .description('signed changes that wait for a second person')
    .addOption(jsonOption())
    .action(carryOut(around, async () => (await load()).listProposals))
  secrets
    .command('countersign <digest>')
    .description('sign a waiting change as the second person: it is made')
    .addOption(jsonOption())
    .action(carryOut(around, async () => (await load()).countersignProposal))
  secrets
    .command('withdraw <digest>')
    .description('take a waiting change back')
    .addOption(jsonOption())
    .action(carryOut(around, async () => (await load()).withdrawProposal))
}

const addSignerVerbs = (secrets: Command, around: Surroundings): void => {
  const signer = secrets.command('signer').description('whose signature the vault believes')
  const load = () => import('./commands/signer.ts')
  signer
    .command('enrol')
    .alias('enroll')
    .description('enrol a key of this machine; the code of the operator comes from standard input')
    .option('--name <name>', 'what to call it')
    .addOption(jsonOption())
    .action(carryOut(around, async () => (await load()).enrolSigner))
  signer
    .command('list')
    .alias('ls')
    .description('all signers')
    .addOption(jsonOption())
    .action(carryOut(around, async () => (await load()).listSigners))
  signer
    .command('show')
    .description('the key of this machine, and the fingerprint of the vault')
    .addOption(jsonOption())
    .action(carryOut(around, async () => (await load()).showSigner))
  withYes(signer.command('remove <id>'))
    .description('believe a signer no more')
    .addOption(jsonOption())
    .action(
      carryOut(
        around,
        whenSure(
          (id: string) => `Believe the signer ${id} no more?`,
          async () => (await load()).removeSigner,
        ),
      ),
    )
}
