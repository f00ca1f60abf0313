// Contexts of the organisation: made, changed and deleted by statements that this person's key signs, so that no server
// alone can let a project in.
import { fault, isFault } from '../../base/faults.ts'
import { object, parseShape } from '../../base/shape.ts'
import type { Context } from '../../protocol/api/contexts.ts'
import {
  type ContextRules,
  contextId,
  contextName,
  contextRoles,
  contextRules,
  newContextRules,
} from '../../protocol/contexts.ts'
import type { ContextStatement, KeptByContext } from '../../protocol/statement.ts'
import { signStatement } from '../../seal/index.ts'
import type { ApiClient } from '../api/client.ts'
import { connect } from '../api/connect.ts'
import { inertText } from '../inert.ts'
import { writeTable } from '../look.ts'
import { idOf } from '../secrets/home.ts'
import { requireSignerKey, statementHead } from '../secrets/signer-key.ts'
import type { Surroundings } from '../surroundings.ts'

type Json = { readonly json?: boolean }
export type RuleFlags = Json & {
  readonly project?: readonly string[]
  readonly allProjects?: boolean
  readonly ref?: readonly string[]
  readonly role?: readonly string[]
  readonly anyRole?: boolean
}

export const createContext = async (
  around: Surroundings,
  flags: RuleFlags,
  name: string,
): Promise<number> => {
  if (!parseShape(contextName, name).ok)
    throw fault('E_INPUT', {
      public:
        'a context is named with at most 64 letters, digits, spaces and . _ -, first and last a letter or digit',
    })
  const api = await connect(around)
  const before = await findContext(api, name)
  if (before?.state === 'active')
    throw fault('E_CONFLICT', { public: `there is a context "${name}" already` })
  const { id } = await api.call('organisation', {})
  const about = { sub: contextId(idOf('organisation', id), name), prev: before?.head ?? null }
  const rules = await rulesOf(api, flags, newContextRules)
  const body = await signedPut(around, { ...about, name, rules })
  return show(around, flags, await api.call('contextCreate', { body }))
}

export const editContext = async (
  around: Surroundings,
  flags: RuleFlags,
  wanted: string,
): Promise<number> => {
  const api = await connect(around)
  const { id, name, head, projects, refs, roles } = await activeContext(api, wanted)
  const was = {
    projects: projects?.map((project) => idOf('project', project.id)) ?? ('*' as const),
    refs,
    roles,
  }
  const rules = await rulesOf(api, flags, was)
  if (rules === was) throw fault('E_INPUT', { public: 'say what to change, for example --project NAME' })
  const body = await signedPut(around, { sub: id, prev: head, name, rules, keeps: keptOf(flags) })
  return show(around, flags, await api.call('contextSet', { params: { context: id }, body }))
}

export const deleteContext = async (around: Surroundings, flags: Json, wanted: string): Promise<number> => {
  const api = await connect(around)
  const { id, name, head } = await activeContext(api, wanted)
  const key = await requireSignerKey(around)
  const statement = {
    ...statementHead(around, key, { sub: id, prev: head }),
    ...{ type: 'context.delete' as const, body: {} },
  }
  const proof = await signStatement(statement, key.privateKey)
  const gone = await api.call('contextDelete', { params: { context: id }, body: { statement, proof } })
  if (flags.json) around.stdout.write(`${JSON.stringify(gone)}\n`)
  else
    around.stderr.write(
      inertText`${name} is deleted with its secrets; jobs that name it do not start any more\n`,
    )
  return 0
}

export const listContexts = async (around: Surroundings, flags: Json): Promise<number> => {
  const page = await (await connect(around)).all('contexts', {})
  if (flags.json) around.stdout.write(`${JSON.stringify(page)}\n`)
  else
    writeTable(
      around.stdout,
      ['CONTEXT', 'PROJECTS', 'REFS', 'ROLES', 'CHANGED'],
      page.items
        .filter(({ state }) => state === 'active')
        .map((context) => [context.name, ...Object.values(wordsOf(context)), context.changed_at]),
    )
  return 0
}

export const viewContext = async (around: Surroundings, flags: Json, wanted: string): Promise<number> => {
  const api = await connect(around)
  const context = await activeContext(api, wanted)
  const { items } = await api.all('contextSecrets', { params: { context: context.id } })
  if (flags.json) around.stdout.write(`${JSON.stringify({ ...context, secrets: items })}\n`)
  else around.stdout.write(describe(context) + inertText`secrets   ${namesOf(items) || 'none'}\n`)
  return 0
}

const show = (around: Surroundings, flags: Json, context: Context): number => {
  around.stdout.write(flags.json ? `${JSON.stringify(context)}\n` : describe(context))
  return 0
}

const describe = (context: Context): string => {
  const { projects, refs, roles } = wordsOf(context)
  return [
    inertText`context   ${context.name}`,
    inertText`changed   ${context.changed_at}, signed by ${context.signer.name}`,
    inertText`projects  ${projects}`,
    inertText`refs      ${refs}`,
    inertText`roles     ${roles}`,
    '',
  ].join('\n')
}

const wordsOf = ({ projects, refs, roles }: Context) => ({
  projects: projects === null ? 'all' : projects.map(({ name }) => name).join(', ') || 'none',
  refs: refs.join(', '),
  roles: roles?.join(', ') ?? 'any',
})

const namesOf = (secrets: readonly { readonly name: string; readonly state: string }[]): string =>
  secrets.flatMap(({ name, state }) => (state === 'active' ? [name] : [])).join(', ')

const signedPut = async (
  around: Surroundings,
  of: {
    readonly sub: string
    readonly prev: string | null
    readonly name: string
    readonly rules: ContextRules
    readonly keeps?: readonly KeptByContext[]
  },
) => {
  const key = await requireSignerKey(around)
  const statement: ContextStatement = {
    ...statementHead(around, key, of),
    ...{ type: 'context.put', body: { name: of.name, ...of.rules, ...keeping(of.keeps) } },
  }
  const { projects, refs, roles } = of.rules
  const body = {
    name: of.name,
    projects: projects === '*' ? projects : [...projects],
    ...{ refs: [...refs], roles: roles && [...roles] },
    ...keeping(of.keeps),
  }
  return { statement: { ...statement, body }, proof: await signStatement(statement, key.privateKey) }
}

const keeping = (keeps: readonly KeptByContext[] = []) => (keeps.length === 0 ? {} : { keeps: [...keeps] })

/** What the server was asked for, and nobody said. */
const keptOf = ({ project, allProjects, ref, role, anyRole }: RuleFlags): readonly KeptByContext[] => [
  ...(project === undefined && !allProjects ? (['projects'] as const) : []),
  ...(ref === undefined ? (['refs'] as const) : []),
  ...(role === undefined && !anyRole ? (['roles'] as const) : []),
]

/** What is not said stays as it was, and is the very same when nothing is said. */
const rulesOf = async (api: ApiClient, flags: RuleFlags, was: ContextRules): Promise<ContextRules> => {
  const { project, allProjects, ref, role, anyRole } = flags
  if (project !== undefined && allProjects)
    throw fault('E_INPUT', { public: 'either --project or --all-projects' })
  if (role !== undefined && anyRole) throw fault('E_INPUT', { public: 'either --role or --any-role' })
  if ([project, allProjects, ref, role, anyRole].every((flag) => flag === undefined)) return was
  const parsed = parseShape(object(contextRules), {
    projects: allProjects ? '*' : project === undefined ? was.projects : await projectIds(api, project),
    refs: ref ?? was.refs,
    roles: anyRole ? null : (role ?? was.roles),
  })
  if (parsed.ok) return parsed.value
  throw fault('E_INPUT', {
    public: `refs are "default" or full ones (refs/heads/main, refs/tags/v*), roles are ${contextRoles.join(', ')}`,
  })
}

const projectIds = (api: ApiClient, names: readonly string[]) =>
  Promise.all(
    [...new Set(names)].map(async (project) =>
      idOf('project', (await api.call('project', { params: { project } })).id),
    ),
  )

const activeContext = async (api: ApiClient, wanted: string): Promise<Context> => {
  const found = await api.call('context', { params: { context: wanted } })
  if (found.state === 'deleted')
    throw fault('E_NOT_FOUND', { public: `the context "${found.name}" is deleted` })
  return found
}

const findContext = async (api: ApiClient, name: string): Promise<Context | null> => {
  try {
    return await api.call('context', { params: { context: name } })
  } catch (error) {
    if (isFault(error, 'E_NOT_FOUND')) return null
    throw error
  }
}
