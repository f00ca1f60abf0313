// `mayfly login`, `token …`, `session …`, `member …`: words and options only, as in program.ts.
import { type Command, Option } from 'commander'
import { carryOut, collect, jsonOption } from './action.ts'
import { whenSure, withYes } from './confirm.ts'
import type { Surroundings } from './surroundings.ts'

export const addAccessVerbs = (program: Command, around: Surroundings): void => {
  const load = () => import('./commands/access.ts')
  program
    .command('login <url>')
    .description('sign in to an installation elsewhere')
    .requiredOption('--token-stdin', 'read the token from standard input')
    .action(carryOut(around, async () => (await load()).login))
  program
    .command('logout [url]')
    .description('forget the token of an installation, or of all')
    .action(carryOut(around, async () => (await load()).logout))
  program
    .command('whoami')
    .description('who the server says I am')
    .addOption(jsonOption())
    .action(carryOut(around, async () => (await load()).whoami))
  program
    .command('api <method> <path>')
    .description('any request of the HTTP API, as this sign-in')
    .option('-f, --field <NAME=TEXT>', 'of the query or body; NAME:=3 for JSON (repeatable)', collect, [])
    .option('--input <file>', 'the whole body; - for standard input')
    .option('--paginate', 'a list with all its pages, as one')
    .addOption(jsonOption())
    .action(carryOut(around, async () => (await import('./commands/api.ts')).callApi))
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
  withYes(token.command('revoke <id>'))
    .description('end a token now')
    .addOption(jsonOption())
    .action(
      carryOut(
        around,
        whenSure(
          (id: string) => `End the token ${id} for good?`,
          async () => (await load()).revokeToken,
        ),
      ),
    )
}

const addAuditVerbs = (program: Command, around: Surroundings): void => {
  program
    .command('audit')
    .description('who did what')
    .command('list')
    .alias('ls')
    .description('entries of the audit log, newest first')
    .option('--action <words>', 'only this, or what begins so: secret, secret.put')
    .option('--actor <id>', 'only by this person, token or runner')
    .option('--target <id>', 'only what was done to this')
    .option('-R, --project <name>', 'only of this project')
    .addOption(new Option('--result <word>', 'only those that ended so').choices(['ok', 'denied', 'error']))
    .option('--since <when>', 'only since then: 7d, 2026-11-01 or 2026-11-01T09:30Z')
    .option('--until <when>', 'only until then')
    .option('--limit <count>', 'at most so many', '50')
    .addOption(jsonOption())
    .action(carryOut(around, async () => (await import('./commands/audit.ts')).listAudit))
}

export const addPeopleVerbs = (program: Command, around: Surroundings): void => {
  addAuditVerbs(program, around)
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
  withYes(verb(member, 'disable <id>', 'end their sessions and tokens and let them in no more')).action(
    carryOut(
      around,
      whenSure(
        (id: string) => `End the sessions and, for good, the tokens of ${id}?`,
        async () => (await load()).disableMember,
      ),
    ),
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
