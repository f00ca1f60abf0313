// How the runs of a project are handled. What is not named stays as it is.
import { fault } from '../../base/faults.ts'
import type { ProjectSettingsInput } from '../../protocol/api/shapes.ts'
import { connect } from '../api/connect.ts'
import { writeTable } from '../look.ts'
import type { Surroundings } from '../surroundings.ts'

type Flags = {
  readonly autoCancel?: 'on' | 'off'
  readonly untrustedText?: 'stop' | 'keep'
  readonly json?: boolean
}

export const setProject = async (around: Surroundings, flags: Flags, name: string): Promise<number> => {
  const body = settingsOf(flags)
  if (Object.keys(body).length === 0)
    throw fault('E_INPUT', { public: 'say what to change, for example --auto-cancel on' })
  const api = await connect(around)
  const project = await api.call('projectSet', { params: { project: name }, body })
  if (flags.json) around.stdout.write(`${JSON.stringify(project)}\n`)
  else {
    const rows = Object.entries(project.settings).map(([setting, value]) => [
      setting,
      String(value ?? 'none'),
    ])
    writeTable(around.stdout, ['SETTING', 'VALUE'], rows)
  }
  return 0
}

const settingsOf = ({ autoCancel, untrustedText }: Flags): ProjectSettingsInput => ({
  ...(autoCancel === undefined ? {} : { auto_cancel: autoCancel === 'on' }),
  ...(untrustedText === undefined ? {} : { untrusted_in_scripts: untrustedText === 'keep' }),
})
