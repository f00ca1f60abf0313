// The run before and after one on its branch, and what else a person steps to from it by one key.
import type { Job, Run } from '../../protocol/api/shapes.ts'
import { isRed } from '../format/status.ts'
import { addresses } from '../router/place.ts'
import { jobAddress } from '../runs/job-address.ts'
import type { Api } from '../state/api.ts'

type Where = { readonly organisation: string; readonly run: Run }

const runAddress = ({ organisation, run }: Where, number: number): string =>
  addresses.run({ organisation, project: run.project.name, number })

/** null: there is none, or the run is of no branch. */
export const olderOnBranch = async (api: Api, where: Where): Promise<string | null> => {
  const { run } = where
  const { branch } = run.event
  if (branch === null) return null
  const query = { project: run.project.name, branch, limit: 1, cursor: run.id }
  const [older] = (await api.call('runs', { query })).items
  return older === undefined ? null : runAddress(where, older.number)
}

/** The list goes from the newest down: everything since this run, of which the last but it is the next one. */
export const newerOnBranch = async (api: Api, where: Where): Promise<string | null> => {
  const { run } = where
  const { branch } = run.event
  if (branch === null) return null
  const query = { project: run.project.name, branch, since: run.created_at }
  const newer = (await api.callAll('runs', { query })).filter(({ id }) => id > run.id).at(-1)
  return newer === undefined ? null : runAddress(where, newer.number)
}

/** The failed job after (or before) the one that is shown; from the run itself, the first (or last). */
export const nextFailure = (where: Where, shown: Job | null, by: 1 | -1): string | null => {
  const { run } = where
  const jobs = by === 1 ? run.jobs : run.jobs.toReversed()
  const from = shown === null ? 0 : jobs.findIndex(({ id }) => id === shown.id) + 1
  const next = jobs.slice(from).find(({ status }) => isRed(status))
  return next === undefined ? null : jobAddress(where, next)
}
