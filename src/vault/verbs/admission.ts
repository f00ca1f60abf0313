// Which projects contexts for every project are for. The server makes projects and says where their code lies; a signer says
// which of them belong, with exactly that source and those host keys. A project that was changed since is not the one admitted.
import { createHash } from 'node:crypto'
import type { Clock } from '../../base/clock.ts'
import { fault } from '../../base/faults.ts'
import type { OrganisationId, ProjectId } from '../../base/ids.ts'
import {
  type AdmitStatement,
  admissionSubject,
  admissionsListedMax,
  admittedMax,
} from '../../protocol/statement.ts'
import type { Admissions, ProjectAdmission, VaultRequest } from '../../protocol/vault.ts'
import { canonicalJson } from '../../seal/index.ts'
import { fingerprintOf } from '../policy/host-keys.ts'
import { type Accepted, acceptStatement, requireNext, requireSecond } from '../policy/statement.ts'
import type { AdmissionRecord, ProjectRecord, Records } from '../store/records.ts'
import { findProject } from './project.ts'

type Deps = { readonly records: Records; readonly clock: Pick<Clock, 'now'> }
type Source = Pick<AdmitStatement['body']['admit'][number], 'source' | 'host_keys'>

/** With the source that it has now. */
export const isAdmitted = (records: Records, project: ProjectId): boolean => {
  const record = records.find('project', project)
  if (record === null) return false
  const found = records.find('admission', record.org)?.projects.find((one) => one.project === project)
  return stateOf(record, found) === 'admitted'
}

/** First those that somebody admitted: whoever reads the answer takes every other one for not admitted. */
export const listAdmissions = (
  { records }: Pick<Deps, 'records'>,
  { org }: VaultRequest<'project.admissions'>,
): Admissions => {
  const record = records.find('admission', org)
  const found = new Map(record?.projects.map((one) => [one.project, one]))
  const told = projectsOf(records, org).map((one) => admissionOf(one, found.get(one.project)))
  const [named, others] = [told.filter(isNamed), told.filter((one) => !isNamed(one))]
  return { projects: [...named, ...others].slice(0, admissionsListedMax), head: record?.head ?? null }
}

const isNamed = ({ state }: ProjectAdmission): boolean => state !== 'none'

export const admitProjects = async (
  deps: Deps,
  { org, statement, proof, second }: VaultRequest<'project.admit'>,
): Promise<Admissions> => {
  const { records } = deps
  if (statement.type !== 'project.admit')
    throw fault('E_INPUT', { public: 'The statement admits no project' })
  const nowSeconds = Math.floor(deps.clock.now() / 1000)
  const expected = { type: statement.type, sub: admissionSubject(org), nowSeconds }
  const accepted = await acceptStatement(records, { statement, proof, second }, expected)
  await records.change('admission', org, (current) => {
    if (current?.head === accepted.digest) return current
    requireNext(current?.head ?? null, accepted)
    for (const { project, ...source } of statement.body.admit)
      requireSource(records, { org, project, source })
    const isNew = ({ project }: { readonly project: ProjectId }) => !isAdmitted(records, project)
    if (statement.body.admit.some(isNew)) requireSecond(records, org, accepted)
    return recordOf(records, org, { current, accepted })
  })
  return listAdmissions(deps, { org })
}

/** What an installation has when the vault first knows of admissions belongs: its contexts are for it already. */
export const admitWhatWasThere = async (
  records: Records,
  { storeExists, nowSeconds }: { readonly storeExists: boolean; readonly nowSeconds: number },
): Promise<void> => {
  if (records.find('upgrade', upgrade) !== null) return
  const orgs = storeExists ? new Set(records.list('project').map(({ org }) => org)) : []
  for (const org of orgs)
    await records.change('admission', org, () => ({
      org,
      projects: projectsOf(records, org)
        .slice(0, admittedMax)
        .map((record) => ({ project: record.project, source: digestOf(sourceOf(record)), signer: null })),
      head: null,
    }))
  await records.change('upgrade', upgrade, () => ({ at: nowSeconds }))
}
const upgrade = 'admissions'

const recordOf = (
  records: Records,
  org: OrganisationId,
  { current, accepted }: { current: AdmissionRecord | null; accepted: Accepted<AdmitStatement> },
): AdmissionRecord => {
  const { admit, withdraw } = accepted.statement.body
  const named = new Set<ProjectId>([...admit.map(({ project }) => project), ...withdraw])
  // Of projects that are no more nothing is kept: made anew under the same id it is another project.
  const kept = (current?.projects ?? []).filter(
    ({ project }) => !named.has(project) && records.find('project', project) !== null,
  )
  const { signer } = accepted.signer
  const added = new Map(
    admit.map(({ project, ...source }) => [project, { project, source: digestOf(source), signer }]),
  )
  for (const project of withdraw) added.delete(project)
  const projects = [...kept, ...added.values()]
  if (projects.length > admittedMax)
    throw fault('E_TOO_LARGE', { public: `At most ${admittedMax} projects are admitted at a time` })
  return { org, projects, head: accepted.digest }
}

/** What the signer saw is what this vault has pinned. */
const requireSource = (
  records: Records,
  { org, project, source }: { org: OrganisationId; project: ProjectId; source: Source },
): void => {
  const record = findProject(records, project)
  if (record.org !== org) throw fault('E_NOT_FOUND', { public: 'The vault does not know this project' })
  if (digestOf(source) !== digestOf(sourceOf(record)))
    throw fault('E_INPUT', { public: 'The project has another source, or another host key, than was signed' })
}

type Found = AdmissionRecord['projects'][number] | undefined

const admissionOf = (record: ProjectRecord, found: Found): ProjectAdmission => {
  const { source, host_keys: hostKeys } = sourceOf(record)
  const state = stateOf(record, found)
  return { project: record.project, source, hostKeys, state, signer: found?.signer ?? null }
}

const stateOf = (record: ProjectRecord, found: Found): ProjectAdmission['state'] => {
  if (found === undefined) return 'none'
  return found.source === digestOf(sourceOf(record)) ? 'admitted' : 'changed'
}

const projectsOf = (records: Records, org: OrganisationId): readonly ProjectRecord[] =>
  records.list('project').filter((record) => record.org === org)

const sourceOf = ({ source, hostKeys }: ProjectRecord): Source => ({
  source,
  host_keys: hostKeys.map(fingerprintOf).sort(),
})

const digestOf = ({ source, host_keys: keys }: Source): string =>
  createHash('sha256')
    .update(canonicalJson({ source, host_keys: [...keys].sort() }))
    .digest('hex')
