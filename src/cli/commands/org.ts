// What holds for all projects: looked at, and changed where a flag says so.
import { connect } from '../api/connect.ts'
import { writeTable } from '../look.ts'
import type { Surroundings } from '../surroundings.ts'
import { jobsMaxOf } from './project-set.ts'

export const organisation = async (
  around: Surroundings,
  flags: { readonly jobs?: string; readonly json?: boolean },
): Promise<number> => {
  const api = await connect(around)
  const found =
    flags.jobs === undefined
      ? await api.call('organisation', {})
      : await api.call('organisationSet', { body: { jobs_max: jobsMaxOf(flags.jobs) } })
  if (flags.json) around.stdout.write(`${JSON.stringify(found)}\n`)
  else {
    const rows = Object.entries(found.settings).map(([setting, value]) => [setting, String(value ?? 'none')])
    writeTable(around.stdout, ['SETTING', 'VALUE'], rows)
  }
  return 0
}
