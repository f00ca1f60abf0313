// What stands beside a segment of the breadcrumb, asked for when its menu is opened.
import type { Run, Status } from '../../protocol/api/shapes.ts'
import { addresses, withQuery } from '../router/place.ts'
import { jobAddress, jobSegment } from '../runs/job-address.ts'
import type { Api } from '../state/api.ts'
import type { Menu } from './crumbs.ts'

export type Sibling = {
  readonly name: string
  readonly to: string
  readonly status: Status | null
  readonly about: string
}

const runsShown = 20
const runsLookedAt = 100

export const siblingsOf = async (
  menu: Menu,
  { api, organisation, run }: { readonly api: Api; readonly organisation: string; readonly run: Run | null },
): Promise<readonly Sibling[]> => {
  if (menu.kind === 'jobs')
    return run === null
      ? []
      : run.jobs.map((job) => ({
          ...{
            name: jobSegment(job),
            to: jobAddress({ organisation, run }, job),
            status: job.status,
            about: '',
          },
        }))
  if (menu.kind === 'projects')
    return (await api.callAll('projects')).map(({ name, last_run: last }) => ({
      ...{
        name,
        to: addresses.project({ organisation, project: name }),
        status: last?.status ?? null,
        about: '',
      },
    }))
  const { project } = menu
  if (menu.kind === 'runs') {
    const query = { project, ...(menu.branch === null ? {} : { branch: menu.branch }), limit: runsShown }
    return (await api.call('runs', { query })).items.map(({ number, status, event }) => ({
      ...{ name: `#${number}`, to: addresses.run({ organisation, project, number }), status },
      about: event.subject ?? '',
    }))
  }
  const recent = (await api.call('runs', { query: { project, limit: runsLookedAt } })).items
  const newest = new Map(recent.toReversed().map((one) => [one.event.branch, one]))
  return [...newest]
    .flatMap(([branch, one]) => (branch === null ? [] : [{ branch, one }]))
    .sort((a, b) => (a.one.id < b.one.id ? 1 : -1))
    .map(({ branch, one }) => ({
      ...{ name: branch, to: withQuery(addresses.runs, { project, branch }), status: one.status, about: '' },
    }))
}
