// `mayfly oidc policy`: words and options only, as in program.ts. What needs the vault itself (`oidc export`) is a command of
// the operator (main/vault-commands.ts).
import { Argument, type Command, Option } from 'commander'
import { carryOut, jsonOption } from './action.ts'
import type { Surroundings } from './surroundings.ts'

export const addOidcVerbs = (program: Command, around: Surroundings): void => {
  const oidc = program.command('oidc').description('identity tokens by which jobs sign in to clouds')
  const load = () => import('./commands/oidc.ts')
  const projectOption = () =>
    new Option('-R, --project <name>', 'the project, else the one of this work tree')
  oidc
    .command('show')
    .description('issuer, audience and subject of the tokens of a project')
    .addOption(projectOption())
    .option('-b, --branch <ref>', 'of runs on this branch, or a full ref; default for the default branch')
    .addOption(jsonOption())
    .action(carryOut(around, async () => (await load()).showIdentity))
  oidc
    .command('policy')
    .description('what to tell a cloud so that it trusts runs of one ref, and nothing else')
    .addArgument(new Argument('<cloud>', 'whose form').choices(['aws', 'gcp', 'azure']))
    .addOption(projectOption())
    .option('-b, --branch <ref>', 'runs on this branch, or a full ref; default for the default branch')
    .action(carryOut(around, async () => (await load()).printPolicy))
}
