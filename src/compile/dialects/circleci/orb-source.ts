// Where the text of a registry orb comes from (config-dialects.md §2.7): the repository's own copy below
// `.circleci/orbs/`, then what the installation gave the compiler. Nothing is fetched here; a version is chosen among
// what is present, and the plan records which.
import type { SourceNode } from '../../source/node.ts'

/** An orb by address has no version. */
export type OrbReference = { readonly name: string; readonly version: string | null }
export type OrbText = {
  /** Exact: `namespace/orb@1.2.3`, or its address. */
  readonly id: string
  /** For positions: a path of the repository, or the id when the installation gave it. */
  readonly path: string
  readonly text: string
  /** `text` as it was read already. */
  readonly document?: () => SourceNode | null
}

export interface OrbSource {
  find(reference: OrbReference): OrbText | null
  /** Exact versions that are here, highest first. */
  versionsOf(name: string): readonly string[]
}

const urlFolder = '.circleci/orbs/url/'
const urlForm = /^https:\/\/[!-~]{1,500}$/
const vendoredPath = /^\.circleci\/orbs\/([^/@]+\/[^/@]+)@([^/]+?)\.ya?ml$/
const referenceForm = /^([A-Za-z0-9_.-]+\/[A-Za-z0-9_.-]+)@([A-Za-z0-9_.:/-]+)$/

export const vendoredOrbPath = ({ name, version }: OrbReference): string =>
  version === null ? urlFolder + name.slice('https://'.length) : `.circleci/orbs/${name}@${version}.yml`

/** What an operator would put into the store for it: a range asks for some version within. */
export const exactOrbId = ({ name, version }: OrbReference): string => {
  if (version === null) return name
  if (version === 'volatile') return `${name}@1.0.0`
  const isRange = /^\d+(\.\d+)?$/.test(version)
  return `${name}@${isRange ? [...version.split('.'), '0', '0'].slice(0, 3).join('.') : version}`
}

export const parseOrbReference = (text: string): OrbReference | null => {
  if (urlForm.test(text)) return { name: text, version: null }
  const [, name, version] = referenceForm.exec(text) ?? []
  return name === undefined || version === undefined ? null : { name, version }
}

/** `given` is by exact id. */
export const createOrbSource = (
  files: ReadonlyMap<string, string>,
  given: ReadonlyMap<string, string>,
): OrbSource => {
  const byName = new Map<string, Map<string, OrbText>>()
  const put = (name: string, version: string | null, orb: OrbText): void => {
    const versions = byName.get(name) ?? new Map<string, OrbText>()
    byName.set(name, versions.set(version ?? '', orb))
  }
  for (const [id, text] of given) {
    const reference = parseOrbReference(id)
    if (reference) put(reference.name, reference.version, { id, path: id, text })
  }
  // Later, so that the repository's own copy wins.
  for (const [path, text] of files) {
    const [, name, version] = vendoredPath.exec(path) ?? []
    const url = path.startsWith(urlFolder) ? `https://${path.slice(urlFolder.length)}` : null
    if (url !== null) put(url, null, { id: url, path, text })
    else if (name !== undefined && version !== undefined)
      put(name, version, { id: `${name}@${version}`, path, text })
  }
  const versionsOf = (name: string) =>
    [...(byName.get(name)?.keys() ?? [])].sort((a, b) => compareVersions(b, a))
  return {
    versionsOf,
    find: ({ name, version }) => {
      const chosen = versionsOf(name).find((candidate) => isMatch(version ?? '', candidate))
      return chosen === undefined ? null : (byName.get(name)?.get(chosen) ?? null)
    },
  }
}

/** `1.2.3` and `dev:label` name one version, `1.2` and `1` the highest below them, `volatile` the highest of all. */
const isMatch = (wanted: string, candidate: string): boolean => {
  if (wanted === candidate) return true
  if (candidate.startsWith('dev:')) return false
  return wanted === 'volatile' || (/^\d+(\.\d+)?$/.test(wanted) && candidate.startsWith(`${wanted}.`))
}

const compareVersions = (a: string, b: string): number => {
  const [left, right] = [a.split('.').map(Number), b.split('.').map(Number)]
  for (let i = 0; i < 3; i++) {
    const difference = (left[i] || 0) - (right[i] || 0)
    if (difference !== 0) return difference
  }
  return a < b ? -1 : Number(a > b)
}
