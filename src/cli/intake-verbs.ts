// `mayfly deliveries …` and `mayfly schedules …`: words and options only, as in program.ts.
import { type Command, Option } from 'commander'
import { carryOut, collect, jsonOption } from './action.ts'
import { whenSure, withYes } from './confirm.ts'
import type { Surroundings } from './surroundings.ts'

const projectOption = () => new Option('-R, --project <name>', 'the project, else the one of this work tree')

export const addIntakeVerbs = (program: Command, around: Surroundings): void => {
  addDeliveryVerbs(program, around)
  addScheduleVerbs(program, around)
}

const addScheduleVerbs = (program: Command, around: Surroundings): void => {
  const load = () => import('./commands/schedules.ts')
  const schedules = program.command('schedules').description('when runs of a project begin by themselves')
  const withChanges = (command: Command): Command =>
    command
      .addOption(projectOption())
      .option('--cron <fields>', 'minute, hour, day of the month, month, day of the week')
      .option('--zone <name>', 'the time zone of these, such as Europe/Vienna')
      .option('-b, --branch <ref>', 'of this branch, or a full ref; default for the default branch')
      .option('-p, --param <NAME=VALUE>', 'a pipeline parameter; NAME:=3 for JSON (repeatable)', collect, [])
      .addOption(jsonOption())
  schedules
    .command('list')
    .alias('ls')
    .description('schedules, the next times, and what came of the last')
    .addOption(projectOption())
    .addOption(jsonOption())
    .action(carryOut(around, async () => (await load()).listSchedules))
  withChanges(schedules.command('add <name>'))
    .description('begin runs at set times')
    .action(carryOut(around, async () => (await load()).addSchedule))
  withChanges(schedules.command('set <name>'))
    .description('change a schedule')
    .option('--pause', 'begin nothing for now')
    .option('--resume', 'go on with the next time')
    .action(carryOut(around, async () => (await load()).setSchedule))
  withYes(schedules.command('remove <name>'))
    .alias('rm')
    .description('remove a schedule')
    .addOption(projectOption())
    .action(
      carryOut(
        around,
        whenSure(
          (name: string) => `Remove the schedule ${name}?`,
          async () => (await load()).removeSchedule,
        ),
      ),
    )
}

const addDeliveryVerbs = (program: Command, around: Surroundings): void => {
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
