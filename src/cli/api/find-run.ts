// What a person means by a run: `#412`, `412`, an id, an address pasted from the browser, or nothing: the latest one
// of this branch.
import { fault } from '../../base/faults.ts'
import { parseId } from '../../base/ids.ts'
import type { Run } from '../../protocol/api/shapes.ts'
import { findWorkTree } from '../git/work-tree.ts'
import type { Surroundings } from '../surroundings.ts'
import type { ApiClient } from './client.ts'
import type { Origin } from './target.ts'

type Wish = { readonly ref: string | undefined; readonly project: string | undefined }

export const findRun = async (around: Surroundings, api: ApiClient, wish: Wish): Promise<Run> =>
  api.call('run', { params: { run: await findRunId(around, api, wish) } })

export const findRunId = async (
  around: Surroundings,
  api: ApiClient,
  { ref, project }: Wish,
): Promise<string> => {
  if (ref !== undefined && around.wishes?.branch != null)
    throw fault('E_INPUT', { public: 'a run or --branch, not both: --branch is for its newest run' })
  const id = /run_[0-9a-v]{26}/.exec(ref ?? '')?.[0]
  if (id !== undefined && parseId('run', id) !== null) return id
  const number = ref === undefined ? null : numberOf(ref)
  const name = project ?? projectOfAddress(ref) ?? (await findProject(around, api))
  const branch = number === null ? (await findBranch(around)).branch : undefined
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

/** The branch somebody names, else that of this work tree; null: neither. */
export const findBranch = async (
  around: Surroundings,
): Promise<{ readonly branch: string | null; readonly origin: Origin }> => {
  const { wishes, environment } = around
  if (wishes?.branch != null) return { branch: wishes.branch, origin: 'flag' }
  if (environment.MAYFLY_BRANCH) return { branch: environment.MAYFLY_BRANCH, origin: 'environment' }
  const branch = (await findWorkTree(around))?.branch ?? null
  return { branch, origin: branch === null ? 'default' : 'checkout' }
}

/** The project of this work tree: as the environment or its link says, by its remote, its own path, or the only one there is. */
export const findProject = async (around: Surroundings, api: ApiClient): Promise<string | undefined> =>
  (await findProjectHere(around, api))?.name

type Here = { readonly name: string; readonly origin: Origin; readonly remote?: string }

/** `remote`: the address of this work tree's own repository, where the project has the same. */
export const findProjectHere = async (around: Surroundings, api: ApiClient): Promise<Here | undefined> => {
  const said = await saidProject(around)
  const { items } = await api.all('projects', {})
  const tree = await findWorkTree(around)
  const own = items.filter(
    ({ name, source }) =>
      tree !== null &&
      (source.url === tree.remote || source.url === tree.root) &&
      (said === null || name === said.name),
  )
  const remote = own[0]?.source.kind === 'ssh' ? { remote: own[0].source.url } : {}
  if (said !== null) return { ...said, ...remote }
  if (own[0] !== undefined) return { name: onlyOne(own), origin: 'checkout', ...remote }
  return items[0] !== undefined && items.length === 1 ? { name: items[0].name, origin: 'default' } : undefined
}

/** By the environment or the link. */
export const saidProject = async ({ environment, wishes }: Surroundings): Promise<Here | null> => {
  if (environment.MAYFLY_PROJECT) return { name: environment.MAYFLY_PROJECT, origin: 'environment' }
  const link = (await wishes?.link?.()) ?? null
  return link?.project == null ? null : { name: link.project, origin: 'link' }
}

/** Several projects may be made of one repository: none of them is guessed. */
const onlyOne = (own: readonly { readonly name: string }[]): string => {
  const names = own.map(({ name }) => name)
  if (names.length > 1)
    throw fault('E_INPUT', {
      public: `this repository is that of ${names.join(', ')}: name one with -R, or for good with \`mayfly link NAME\``,
    })
  return names[0] ?? ''
}
