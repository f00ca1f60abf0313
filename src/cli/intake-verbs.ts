// `mayfly deliveries …`: words and options only, as in program.ts.
import { type Command, Option } from 'commander'
import { carryOut, jsonOption } from './action.ts'
import type { Surroundings } from './surroundings.ts'

const projectOption = () => new Option('-R, --project <name>', 'the project, else the one of this work tree')

export const addIntakeVerbs = (program: Command, around: Surroundings): void => {
  const load = () => import('./commands/deliveries.ts')
  const deliveries = program
    .command('deliveries')
    .description('what source hosts told us, what was decided and why')
  deliveries
    .command('list')
    .alias('ls')
    .description('list deliveries, newest first')
    .addOption(projectOption())
    .addOption(
      new Option('--verdict <verdict>', 'only these').choices(['run', 'no_run', 'duplicate', 'refused']),
    )
    .addOption(
      new Option('--source <source>', 'only those told by it').choices(['hook', 'webhook', 'poll', 'replay']),
    )
    .option('-b, --branch <ref>', 'only of this branch or tag')
    .option('--limit <count>', 'at most so many', '20')
    .addOption(jsonOption())
    .action(carryOut(around, async () => (await load()).listDeliveries))
  deliveries
    .command('view <id>')
    .description('one delivery: what was decided, and what came of it')
    .addOption(jsonOption())
    .action(carryOut(around, async () => (await load()).viewDelivery))
  deliveries
    .command('replay <id>')
    .description('start a run of its commit once more')
    .addOption(jsonOption())
    .action(carryOut(around, async () => (await load()).replayDelivery))
}
