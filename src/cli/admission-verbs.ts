// `mayfly project admissions|admit|withdraw`: words and options only, as in program.ts.
import type { Command } from 'commander'
import { carryOut, jsonOption } from './action.ts'
import type { Surroundings } from './surroundings.ts'

export const addAdmissionVerbs = (project: Command, around: Surroundings): void => {
  const load = () => import('./commands/admissions.ts')
  project
    .command('admissions')
    .description('which projects contexts for every project are for')
    .addOption(jsonOption())
    .action(carryOut(around, async () => (await load()).listAdmissions))
  project
    .command('admit [names...]')
    .description('sign that contexts for every project are for this one too, with the source that it has')
    .option('--all', 'every project that is not admitted as it is now')
    .addOption(jsonOption())
    .action(carryOut(around, async () => (await load()).admitProjects))
  project
    .command('withdraw [names...]')
    .description('sign that contexts for every project are not for this one any more')
    .addOption(jsonOption())
    .action(carryOut(around, async () => (await load()).withdrawProjects))
}
