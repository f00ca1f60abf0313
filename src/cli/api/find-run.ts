// What a person means by a run: `#412`, `412`, an id, an address pasted from the browser, or nothing: the latest one
// of this branch.
import { fault } from '../../base/faults.ts'
import { parseId } from '../../base/ids.ts'
import type { Run } from '../../protocol/api/shapes.ts'
import { findWorkTree } from '../git/work-tree.ts'
import type { Surroundings } from '../surroundings.ts'
import type { ApiClient } from './client.ts'

type Wish = { readonly ref: string | undefined; readonly project: string | undefined }

export const findRun = async (around: Surroundings, api: ApiClient, wish: Wish): Promise<Run> =>
  api.call('run', { params: { run: await findRunId(around, api, wish) } })

export const findRunId = async (
  around: Surroundings,
  api: ApiClient,
  { ref, project }: Wish,
): Promise<string> => {
  const id = /run_[0-9a-v]{26}/.exec(ref ?? '')?.[0]
  if (id !== undefined && parseId('run', id) !== null) return id
  const number = ref === undefined ? null : numberOf(ref)
  const name = project ?? projectOfAddress(ref) ?? (await findProject(around, api))
  const branch = number === null ? (await findWorkTree(around))?.branch : undefined
  const query = {
    project: name,
    limit: 1,
    ...(number === null ? { branch: branch ?? undefined } : { number }),
  }
  const found = (await api.call('runs', { query })).items[0]
  if (found !== undefined) return found.id
  const what = number === null ? `no run of ${branch ?? 'any branch'}` : `no run #${number}`
  const where = name === undefined ? '' : ` in project ${name}`
  // Right after a push this is how a person learns that it started none.
  const why = number === null ? '; `mayfly deliveries list` says what became of pushes' : ''
  throw fault('E_NOT_FOUND', { public: `${what}${where}${why}` })
}

const numberOf = (ref: string): number => {
  const digits = /^#?(\d{1,9})$/.exec(ref)?.[1] ?? /\/runs\/(\d{1,9})(?:[/?#]|$)/.exec(ref)?.[1]
  if (digits === undefined)
    throw fault('E_INPUT', { public: `"${ref}" is no run: use #412, an id or an address` })
  return Number(digits)
}

/** `http://host/acme/web/runs/412` → `web`. */
const projectOfAddress = (ref: string | undefined): string | undefined =>
  /^https?:\/\/[^/]+\/[^/]+\/([^/]+)\/runs\//.exec(ref ?? '')?.[1]

/** The project of this work tree: by its remote, its own path, or the only one there is. */
export const findProject = async (around: Surroundings, api: ApiClient): Promise<string | undefined> =>
  (await findProjectHere(around, api))?.name

/** `remote`: the address of this work tree's own repository, where that is what it was found by. */
export const findProjectHere = async (
  around: Surroundings,
  api: ApiClient,
): Promise<{ readonly name: string; readonly remote?: string } | undefined> => {
  const { items } = await api.call('projects', { query: { limit: 100 } })
  const tree = await findWorkTree(around)
  const own = items.find(
    ({ source }) => tree !== null && (source.url === tree.remote || source.url === tree.root),
  )
  const found = own ?? (items.length === 1 ? items[0] : undefined)
  if (found === undefined) return undefined
  const isByRemote = own?.source.kind === 'ssh'
  return { name: found.name, ...(isByRemote ? { remote: own.source.url } : {}) }
}
