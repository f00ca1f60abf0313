// Making, changing and deleting a context from the browser: a statement that a passkey signs.
import { type ProjectId, parseId } from '../../base/ids.ts'
import type { Context, ContextPut } from '../../protocol/api/contexts.ts'
import type { Signer } from '../../protocol/api/secrets.ts'
import { contextId } from '../../protocol/contexts.ts'
import type { ContextStatement } from '../../protocol/statement.ts'
import { statementHead } from '../secrets/changes.ts'
import { signByPasskey } from '../secrets/passkey-signer.ts'
import type { Api } from '../state/api.ts'

export type RulesInput = Omit<ContextPut['statement']['body'], 'name'>

export const createContext = async (
  api: Api,
  of: {
    readonly organisation: string
    readonly name: string
    readonly rules: RulesInput
    readonly signer: Signer
    /** A deleted one of this name. */
    readonly before: Context | null
  },
): Promise<Context> => {
  const organisation = parseId('organisation', of.organisation)
  if (organisation === null) throw new TypeError('the server answered a malformed id')
  const sub = contextId(organisation, of.name)
  const about = { sub, prev: of.before?.head ?? null, name: of.name, rules: of.rules }
  return api.call('contextCreate', { body: await signedPut(of.signer, about) })
}

export const setContext = async (
  api: Api,
  of: { readonly before: Context; readonly rules: RulesInput; readonly signer: Signer },
): Promise<Context> => {
  const { id, name, head } = of.before
  const body = await signedPut(of.signer, { sub: id, prev: head, name, rules: of.rules })
  return api.call('contextSet', { path: { context: id }, body })
}

export const deleteContext = async (api: Api, { id, head }: Context, signer: Signer): Promise<void> => {
  const statement = { ...statementHead(signer, id, head), type: 'context.delete' as const, body: {} }
  const proof = await signByPasskey(signer, statement)
  await api.call('contextDelete', { path: { context: id }, body: { statement, proof } })
}

const signedPut = async (
  signer: Signer,
  of: {
    readonly sub: string
    readonly prev: string | null
    readonly name: string
    readonly rules: RulesInput
  },
): Promise<ContextPut> => {
  const body = { name: of.name, ...of.rules }
  const head = statementHead(signer, of.sub, of.prev)
  const { projects } = of.rules
  const statement: ContextStatement = {
    ...{ ...head, type: 'context.put' },
    body: { ...body, projects: projects === '*' ? projects : projects.map(projectId) },
  }
  return { statement: { ...statement, body }, proof: await signByPasskey(signer, statement) }
}

const projectId = (text: string): ProjectId => {
  const id = parseId('project', text)
  if (id === null) throw new TypeError('the server answered a malformed id')
  return id
}
