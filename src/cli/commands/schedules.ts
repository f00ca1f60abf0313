// Schedules of a project: list, add, change, remove.
import { fault } from '../../base/faults.ts'
import type { Schedule } from '../../protocol/api/schedules.ts'
import { ofProject } from '../api/of-project.ts'
import { inertText } from '../inert.ts'
import { readParameters } from '../local/parameters.ts'
import { writeTable } from '../look.ts'
import type { Surroundings } from '../surroundings.ts'

type Flags = { readonly json?: boolean; readonly project?: string }
type Changes = Flags & {
  readonly cron?: string
  readonly zone?: string
  readonly branch?: string
  readonly param: readonly string[]
}

export const listSchedules = async (around: Surroundings, flags: Flags): Promise<number> => {
  const { api, params } = await ofProject(around, flags)
  const page = await api.all('schedules', { params })
  if (flags.json) around.stdout.write(`${JSON.stringify(page)}\n`)
  else write(around, page.items)
  return 0
}

export const addSchedule = async (around: Surroundings, flags: Changes, name: string): Promise<number> => {
  const { cron } = flags
  if (cron === undefined) throw fault('E_INPUT', { public: 'say when: --cron "0 6 * * 1-5"' })
  const { api, params } = await ofProject(around, flags)
  const made = await api.call('scheduleAdd', { params, body: { name, ...changesOf(flags), cron } })
  return writeOne(around, flags, made)
}

export const setSchedule = async (
  around: Surroundings,
  flags: Changes & { readonly pause?: boolean; readonly resume?: boolean },
  schedule: string,
): Promise<number> => {
  if (flags.pause && flags.resume) throw fault('E_INPUT', { public: 'either --pause or --resume, not both' })
  const body = {
    ...changesOf(flags),
    ...(flags.pause ? { paused: true } : flags.resume ? { paused: false } : {}),
  }
  if (Object.keys(body).length === 0)
    throw fault('E_INPUT', { public: 'say what to change, for example --pause' })
  const { api, params } = await ofProject(around, flags)
  return writeOne(around, flags, await api.call('scheduleSet', { params: { ...params, schedule }, body }))
}

export const removeSchedule = async (
  around: Surroundings,
  flags: Flags,
  schedule: string,
): Promise<number> => {
  const { api, params } = await ofProject(around, flags)
  await api.call('scheduleRemove', { params: { ...params, schedule } })
  around.stderr.write(inertText`${schedule} is removed\n`)
  return 0
}

const changesOf = ({ cron, zone, branch, param }: Changes) => ({
  ...(cron === undefined ? {} : { cron }),
  ...(zone === undefined ? {} : { zone }),
  ...(branch === undefined ? {} : { ref: branch === 'default' ? null : branch }),
  ...(param.length === 0 ? {} : { parameters: readParameters(param, new Map()) }),
})

const writeOne = (around: Surroundings, flags: Flags, schedule: Schedule): number => {
  if (flags.json) around.stdout.write(`${JSON.stringify(schedule)}\n`)
  else write(around, [schedule])
  return 0
}

const write = (around: Surroundings, schedules: readonly Schedule[]): void => {
  writeTable(
    around.stdout,
    ['SCHEDULE', 'CRON', 'ZONE', 'REF', 'NEXT', 'LAST'],
    schedules.map((each) => [
      ...[each.workflow === null ? each.name : `${each.workflow} (configuration)`, each.cron, each.zone],
      each.ref ?? 'default branch',
      ...[each.paused ? 'paused' : (each.next[0] ?? '-'), lastOf(each)],
    ]),
  )
}

const lastOf = ({ last }: Schedule): string => {
  if (last === null) return '-'
  const run = last.run === null ? last.at : `#${last.run.number} ${last.run.status}`
  return last.missed === 0 ? run : `${run}, also for ${last.missed} missed before`
}
