// Projects admitted to contexts for every project, and withdrawn again: a statement that a passkey signs, about the source that the
// vault has pinned for each.
import { parseId } from '../../base/ids.ts'
import type { Admission, Admissions, PinnedSource } from '../../protocol/api/admissions.ts'
import type { Signer } from '../../protocol/api/secrets.ts'
import { admissionSubject, admittedAtOnceMax } from '../../protocol/statement.ts'
import { statementHead } from '../secrets/changes.ts'
import { signByPasskey } from '../secrets/passkey-signer.ts'
import type { Api } from '../state/api.ts'
import { text } from '../text/en.ts'

/** At most so many at a time: one touch signs them. */
export const admitProjects = (
  api: Api,
  of: Signing & { readonly projects: readonly Admission[] },
): Promise<void> => {
  const admit = of.projects.slice(0, admittedAtOnceMax).map(({ project, source, host_keys }) => ({
    ...{ project: idOf(project.id), source },
    host_keys,
  }))
  return send(api, of, { admit, withdraw: [] })
}

export const withdrawProject = (api: Api, of: Signing & { readonly project: Admission }): Promise<void> =>
  send(api, of, { admit: [], withdraw: [idOf(of.project.project.id)] })

export const placeOf = (source: PinnedSource): string =>
  source.kind === 'ssh' ? source.url : text.contexts.localSource(source.path, source.root + 1)

type Signing = { readonly organisation: string; readonly told: Admissions; readonly signer: Signer }

const send = async (
  api: Api,
  { organisation, told, signer }: Signing,
  body: Parameters<typeof bodyOf>[1],
): Promise<void> => {
  const org = parseId('organisation', organisation)
  if (org === null) throw malformed()
  const statement = bodyOf(statementHead(signer, admissionSubject(org), told.head), body)
  await api.call('admissionsSet', { body: { statement, proof: await signByPasskey(signer, statement) } })
}

const bodyOf = (
  head: ReturnType<typeof statementHead>,
  body: {
    readonly admit: { project: ReturnType<typeof idOf>; source: PinnedSource; host_keys: string[] }[]
    readonly withdraw: ReturnType<typeof idOf>[]
  },
) => ({ ...head, type: 'project.admit' as const, body })

const idOf = (project: string) => parseId('project', project) ?? fail()
const fail = (): never => {
  throw malformed()
}
const malformed = () => new TypeError('the server answered a malformed id')
