// `mayfly link`, `settings`: words and options only, as in program.ts.
import { type Command, Option } from 'commander'
import { carryOut, jsonOption } from './action.ts'
import { withYes } from './confirm.ts'
import type { Surroundings } from './surroundings.ts'

export const addPlaceVerbs = (program: Command, around: Surroundings): void => {
  const load = () => import('./commands/link.ts')
  withYes(program.command('link [project]'))
    .description('say which project this work tree is of (or host/org/name); or accept what its link says')
    .option('--remove', 'of none any more')
    .action(carryOut(around, async () => (await load()).link))
  program
    .command('settings')
    .description('which installation, project and branch verbs are about here')
    .option('--origin', 'and who says so')
    .addOption(new Option('-R, --project <name>', 'as if it were given'))
    .addOption(new Option('-b, --branch <name>', 'as if it were given'))
    .addOption(jsonOption())
    .action(carryOut(around, async () => (await load()).settings))
}
