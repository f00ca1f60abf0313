// Which projects contexts for every project are for. Who signs reads first where each one's code comes from, as the vault has it
// pinned: the server shows it, and the vault refuses a signature over anything else.
import { fault } from '../../base/faults.ts'
import type { Admission, Admissions } from '../../protocol/api/admissions.ts'
import { type AdmitStatement, admissionSubject, admittedAtOnceMax } from '../../protocol/statement.ts'
import { signStatement } from '../../seal/index.ts'
import type { ApiClient } from '../api/client.ts'
import { connect } from '../api/connect.ts'
import { findProject } from '../api/find-run.ts'
import { inertText } from '../inert.ts'
import { writeTable } from '../look.ts'
import { idOf } from '../secrets/home.ts'
import { requireSignerKey, statementHead } from '../secrets/signer-key.ts'
import type { Surroundings } from '../surroundings.ts'

type Json = { readonly json?: boolean }
type Which = Json & { readonly all?: boolean }
type Body = AdmitStatement['body']

export const listAdmissions = async (around: Surroundings, flags: Json): Promise<number> =>
  show(around, flags, await (await connect(around)).call('admissions', {}))

export const admitProjects = async (
  around: Surroundings,
  flags: Which,
  names: readonly string[],
): Promise<number> => {
  const api = await connect(around)
  const { projects } = await api.call('admissions', {})
  const open = projects.filter(({ state }) => state !== 'admitted')
  const chosen = flags.all ? open : await chosenOf(around, { api, projects, names })
  for (const one of chosen)
    around.stderr.write(inertText`admitting ${one.project.name}: ${sourceOf(one)}${keysOf(one)}\n`)
  const admit = chosen.map(({ project, source, host_keys }) => ({
    ...{ project: idOf('project', project.id), source },
    host_keys,
  }))
  return change(around, flags, { api, of: { admit, withdraw: [] } })
}

export const withdrawProjects = async (
  around: Surroundings,
  flags: Json,
  names: readonly string[],
): Promise<number> => {
  const api = await connect(around)
  const { projects } = await api.call('admissions', {})
  const chosen = await chosenOf(around, { api, projects, names })
  const withdraw = chosen.map(({ project }) => idOf('project', project.id))
  return change(around, flags, { api, of: { admit: [], withdraw } })
}

/** Those that are named, else the one of this work tree. */
const chosenOf = async (
  around: Surroundings,
  {
    api,
    projects,
    names,
  }: { readonly api: ApiClient; readonly projects: readonly Admission[]; readonly names: readonly string[] },
): Promise<readonly Admission[]> => {
  const own = names.length > 0 ? undefined : await findProject(around, api)
  const wanted = own === undefined ? names : [own]
  if (wanted.length === 0) throw fault('E_INPUT', { public: 'which project? name it, or say --all' })
  return [...new Set(wanted)].map((name) => {
    const found = projects.find(({ project }) => project.name === name || project.id === name)
    if (found === undefined) throw fault('E_NOT_FOUND', { public: `no project ${name}` })
    return found
  })
}

/** One statement after the other: each names at most so many. */
const change = async (
  around: Surroundings,
  flags: Json,
  { api, of }: { readonly api: ApiClient; readonly of: Body },
): Promise<number> => {
  const key = await requireSignerKey(around)
  const sub = admissionSubject(idOf('organisation', (await api.call('organisation', {})).id))
  let told = await api.call('admissions', {})
  for (const part of partsOf(of)) {
    const body = {
      admit: part.admit.map((one) => ({ ...one, host_keys: [...one.host_keys] })),
      withdraw: [...part.withdraw],
    }
    const statement = {
      ...statementHead(around, key, { sub, prev: told.head }),
      ...{ type: 'project.admit' as const, body },
    }
    const proof = await signStatement(statement, key.privateKey)
    told = await api.call('admissionsSet', { body: { statement, proof } })
  }
  return show(around, flags, told)
}

const partsOf = ({ admit, withdraw }: Body): readonly Body[] => {
  const count = Math.ceil(Math.max(admit.length, withdraw.length) / admittedAtOnceMax)
  const part = <T>(list: readonly T[], i: number) =>
    list.slice(i * admittedAtOnceMax, (i + 1) * admittedAtOnceMax)
  return Array.from({ length: count }, (_, i) => ({ admit: part(admit, i), withdraw: part(withdraw, i) }))
}

const words = { admitted: 'admitted', changed: 'changed since it was admitted', none: 'not admitted' }

const show = (around: Surroundings, { json }: Json, told: Admissions): number => {
  if (json) around.stdout.write(`${JSON.stringify(told)}\n`)
  else
    writeTable(
      around.stdout,
      ['PROJECT', 'SOURCE', 'HOST KEYS', 'STATE', 'BY'],
      told.projects.map((one) => [
        ...[one.project.name, sourceOf(one), one.host_keys.join(' ') || '-', words[one.state]],
        one.signer?.name ?? '-',
      ]),
    )
  return 0
}

const sourceOf = ({ source }: Pick<Admission, 'source'>): string =>
  source.kind === 'ssh' ? source.url : `${source.path} in local directory ${source.root + 1}`
const keysOf = ({ host_keys: keys }: Admission): string =>
  keys.length === 0 ? '' : `, host keys ${keys.join(' ')}`
