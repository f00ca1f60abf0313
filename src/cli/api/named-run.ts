// What most verbs about a run begin with: the run that a person names (or the newest one), and which job of it they mean.
import type { Run } from '../../protocol/api/shapes.ts'
import type { Surroundings } from '../surroundings.ts'
import type { ApiClient } from './client.ts'
import { connect } from './connect.ts'
import { splitRef } from './find-job.ts'
import { findRun } from './find-run.ts'

/** `job`: as it was written, if one was. */
export type NamedRun = { readonly api: ApiClient; readonly run: Run; readonly job: string | undefined }

export const findNamedRun = async (
  around: Surroundings,
  flags: { readonly project?: string; readonly job?: string },
  given: string | undefined,
): Promise<NamedRun> => {
  const { ref, job } = splitRef({ ref: given, job: flags.job })
  const api = await connect(around)
  return { api, run: await findRun(around, api, { ref, project: flags.project }), job }
}
