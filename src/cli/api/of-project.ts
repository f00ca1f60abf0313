// What a verb about something in a project begins with: the one that was named, else the one of this work tree.
import { fault } from '../../base/faults.ts'
import type { Surroundings } from '../surroundings.ts'
import type { ApiClient } from './client.ts'
import { connect } from './connect.ts'
import { findProject } from './find-run.ts'

export const ofProject = async (
  around: Surroundings,
  flags: { readonly project?: string },
): Promise<{ readonly api: ApiClient; readonly params: { readonly project: string } }> => {
  const api = await connect(around)
  const project = flags.project ?? (await findProject(around, api))
  if (project === undefined) throw fault('E_INPUT', { public: 'which project? name it with -R' })
  return { api, params: { project } }
}
