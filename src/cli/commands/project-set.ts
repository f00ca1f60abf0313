// How the runs of a project are handled. What is not named stays as it is.
import { fault } from '../../base/faults.ts'
import type { ProjectSettingsInput } from '../../protocol/api/shapes.ts'
import { connect } from '../api/connect.ts'
import { inertText } from '../inert.ts'
import { writeTable } from '../look.ts'
import { readDuration } from '../read-duration.ts'
import type { Surroundings } from '../surroundings.ts'

type Flags = {
  readonly autoCancel?: 'on' | 'off'
  readonly jobs?: string
  readonly priority?: 'low' | 'normal' | 'high'
  readonly untrustedText?: 'stop' | 'keep'
  readonly poll?: string
  readonly approvalsExpire?: string
  readonly approvalsBy?: string
  readonly approvalsNotSelf?: 'on' | 'off'
  readonly approvalsRole?: 'owner' | 'developer'
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
    if (project.polling?.problem) around.stderr.write(inertText`polling: ${project.polling.problem}\n`)
  }
  return 0
}

const settingsOf = ({
  autoCancel,
  untrustedText,
  jobs,
  priority,
  poll,
  approvalsExpire,
  approvalsBy,
  approvalsNotSelf,
  approvalsRole,
}: Flags): ProjectSettingsInput => ({
  ...(autoCancel === undefined ? {} : { auto_cancel: autoCancel === 'on' }),
  ...(jobs === undefined ? {} : { jobs_max: jobsMaxOf(jobs) }),
  ...(priority === undefined ? {} : { priority }),
  ...(poll === undefined ? {} : { poll_seconds: pollSecondsOf(poll) }),
  ...(approvalsExpire === undefined ? {} : { approval_seconds: approvalSecondsOf(approvalsExpire) }),
  ...(approvalsBy === undefined ? {} : { approval_people: approversOf(approvalsBy) }),
  ...(approvalsNotSelf === undefined ? {} : { approval_not_self: approvalsNotSelf === 'on' }),
  ...(approvalsRole === undefined ? {} : { approval_role: approvalsRole }),
  ...(untrustedText === undefined ? {} : { untrusted_in_scripts: untrustedText === 'keep' }),
})

/** `off`: the source host calls us. */
const pollSecondsOf = (word: string): number | null => {
  if (word === 'off') return null
  const seconds = readDuration(word) / 1_000
  if (seconds < 30 || seconds > 86_400)
    throw fault('E_INPUT', { public: `--poll ${word}: between 30s and 24h, or off` })
  return seconds
}

/** `never`: a job waits until somebody answers. */
const approvalSecondsOf = (word: string): number | null => {
  if (word === 'never') return null
  const seconds = readDuration(word) / 1_000
  if (seconds < 60 || seconds > 366 * 86_400)
    throw fault('E_INPUT', { public: `--approvals-expire ${word}: between 1m and 366d, or never` })
  return seconds
}

/** Different people. */
const approversOf = (word: string): number => {
  if (!/^[1-5]$/.test(word))
    throw fault('E_INPUT', { public: `--approvals-by ${word}: from 1 to 5 different people` })
  return Number(word)
}

/** `none` lifts the limit. */
export const jobsMaxOf = (word: string): number | null => {
  if (word === 'none') return null
  if (!/^[1-9]\d{0,5}$/.test(word))
    throw fault('E_INPUT', { public: `--jobs ${word}: a number from 1 on, or none` })
  return Number(word)
}
