// `mayfly open` and `runs open`: the page of a project, run or job in the browser of this desktop; its address where there is none.
import { fault } from '../../base/faults.ts'
import type { Job, Run } from '../../protocol/api/shapes.ts'
import type { ApiClient } from '../api/client.ts'
import { jobNamed } from '../api/find-job.ts'
import { findNamedRun } from '../api/named-run.ts'
import { ofProject } from '../api/of-project.ts'
import { findTarget } from '../api/target.ts'
import { inertText } from '../inert.ts'
import type { Surroundings } from '../surroundings.ts'

type Flags = { readonly project?: string; readonly job?: string; readonly print?: boolean }

/** Of the project when no run is named. */
export const openPage = async (around: Surroundings, flags: Flags, ref?: string): Promise<number> => {
  if (ref !== undefined || flags.job !== undefined || around.wishes?.branch != null)
    return openRun(around, flags, ref)
  const { api, params } = await ofProject(around, flags)
  return show(around, flags, await addressOf(around, api, [params.project]))
}

export const openRun = async (
  around: Surroundings,
  flags: Flags,
  given: string | undefined,
): Promise<number> => {
  const { api, run, job } = await findNamedRun(around, flags, given)
  const address = await addressOf(around, api, [run.project.name, 'runs', String(run.number)])
  return show(around, flags, job === undefined ? address : ofJob(address, run, jobNamed(run, job)))
}

/** As the web makes them (web/router/place.ts), below the address that this command talks to. */
const addressOf = async (
  around: Surroundings,
  api: ApiClient,
  path: readonly [project: string, ...more: string[]],
): Promise<URL> => {
  const { organisation } = await api.call('me', {})
  if (organisation === null) throw fault('E_NOT_FOUND', { public: 'the server names no organisation' })
  const segments = [organisation.name, ...path].map(encodeURIComponent)
  const target = await findTarget(around)
  // Of a hook that is no address of the web it is `null`.
  const base = target.kind === 'token' ? target.url : new URL((await hookOf(api, path[0])).url).origin
  const address = URL.parse(`${base}/${segments.join('/')}`)
  if (address === null || !/^https?:$/.test(address.protocol))
    throw fault('E_PROTOCOL', { public: 'the address of the installation is none for a browser' })
  return address
}

/** The operator's socket has no address; that of a hook is below the one where people reach the installation. */
const hookOf = async (api: ApiClient, project: string) =>
  (await api.call('project', { params: { project } })).hook

const segmentOf = ({ key, shard, shards }: Job): string => (shards > 1 ? `${key}.${shard}` : key)

const ofJob = (page: URL, run: Run, job: Job): URL => {
  const address = new URL(`${page}/jobs/${encodeURIComponent(segmentOf(job))}`)
  const isAlone = run.jobs.filter((other) => segmentOf(other) === segmentOf(job)).length === 1
  const workflow = run.workflows.find(({ id }) => id === job.workflow_id)
  if (!isAlone && workflow !== undefined) address.searchParams.set('workflow', workflow.name)
  return address
}

const show = async (around: Surroundings, { print }: Flags, address: URL): Promise<number> => {
  const isAsked = print !== true && around.stdout.isTerminal && around.wishes?.mayAsk !== false
  if (isAsked && (await around.openPage(address.href)))
    around.stderr.write(inertText`opening ${address.href}\n`)
  else around.stdout.write(inertText`${address.href}\n`)
  return 0
}
