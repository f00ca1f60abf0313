// What a notice about a run says: whose it is and how far it has come.
import { parseId } from '../../base/ids.ts'
import type { Notice } from '../db/notify.ts'
import type { RunNotice } from '../use-cases.ts'

export const runNotice = ({ organisation, project, run, rev }: RunNotice): Notice => ({
  channel: 'mayfly_run',
  payload: [organisation, project, run, rev].join(' '),
})

/** null for what another version may say, which means "look at everything". */
export const parseRunNotice = (payload: string): RunNotice | null => {
  const [first, second, third, rev] = payload.split(' ')
  const organisation = parseId('organisation', first)
  const project = parseId('project', second)
  const run = parseId('run', third)
  if (organisation === null || project === null || run === null) return null
  return { organisation, project, run, rev: Number(rev) }
}
