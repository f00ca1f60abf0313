// Who am I to which server: login, logout, whoami, and API tokens.
import { fault } from '../../base/faults.ts'
import { Secret } from '../../base/secret.ts'
import type { Me } from '../../protocol/api/shapes.ts'
import { createApiClient } from '../api/client.ts'
import { connect, requestLines } from '../api/connect.ts'
import { forgetSignIns, storeSignIn } from '../api/sign-ins.ts'
import { inertText } from '../inert.ts'
import { writeTable } from '../look.ts'
import type { Surroundings } from '../surroundings.ts'

type Json = { readonly json?: boolean }

/** The token is tried before it is stored. */
export const login = async (around: Surroundings, _flags: Json, url: string): Promise<number> => {
  const token = new Secret((await around.readStdin()).trim())
  const me = await createApiClient({ kind: 'token', url, token }, { onLine: requestLines(around) }).call(
    'me',
    {},
  )
  if (me.token === null) throw fault('E_UNAUTHENTICATED', { public: `${url} does not know this token` })
  const path = await storeSignIn(around, url, token)
  around.stderr.write(
    inertText`signed in with token ${me.token.name}, which ends ${me.token.expires_at}; it is in ${path}, readable by you only\n`,
  )
  return 0
}

export const logout = async (
  around: Surroundings,
  _flags: object,
  url: string | undefined,
): Promise<number> => {
  const forgotten = await forgetSignIns(around, url)
  if (url !== undefined && forgotten.length === 0)
    throw fault('E_NOT_FOUND', { public: `you are not signed in to ${url}` })
  const where = forgotten.length === 0 ? '' : ` of ${forgotten.join(', ')}`
  around.stderr.write(
    inertText`the token${where} is forgotten here; \`mayfly token revoke\` ends it on the server\n`,
  )
  return 0
}

export const whoami = async (around: Surroundings, flags: Json): Promise<number> => {
  const me = await (await connect(around)).call('me', {})
  if (flags.json) around.stdout.write(`${JSON.stringify(me)}\n`)
  else around.stdout.write(inertText`${wordsOf(me)}\n`)
  return 0
}

const wordsOf = ({ user, token }: Me): string => {
  if (user !== null) return `${user.name} <${user.email}> (${user.role})`
  if (token === null) return 'operator'
  const where = token.projects === null ? '' : ` in ${namesOf(token.projects)}`
  return `token ${token.name}, which may ${token.scopes.join(', ')}${where} until ${token.expires_at}`
}

const namesOf = (projects: readonly { readonly name: string }[] | null): string =>
  projects === null ? 'all' : projects.map(({ name }) => name).join(', ') || 'no project that is left'

export const createToken = async (
  around: Surroundings,
  flags: Json & {
    readonly scope: readonly string[]
    readonly project: readonly string[]
    readonly days: string
  },
  name: string,
): Promise<number> => {
  const scopes = flags.scope.length > 0 ? [...flags.scope] : ['project.view', 'run.view', 'log.read']
  const made = await (await connect(around)).call('tokenCreate', {
    body: {
      ...{ name, scopes, days: Number(flags.days) },
      ...(flags.project.length > 0 ? { projects: [...flags.project] } : {}),
    },
  })
  if (flags.json) around.stdout.write(`${JSON.stringify(made)}\n`)
  else around.stdout.write(inertText`${made.secret}\n`)
  around.stderr.write(
    inertText`This is the only time it is shown. It may: ${scopes.join(', ')}; projects: ${namesOf(made.token.projects)}; until ${made.token.expires_at}\n`,
  )
  return 0
}

export const listTokens = async (around: Surroundings, flags: Json): Promise<number> => {
  const page = await (await connect(around)).all('tokens', {})
  if (flags.json) around.stdout.write(`${JSON.stringify(page)}\n`)
  else
    writeTable(
      around.stdout,
      ['ID', 'NAME', 'MAY', 'PROJECTS', 'EXPIRES', 'LAST USED'],
      page.items.map((t) => [
        ...[t.id, t.name, t.scopes.join(','), namesOf(t.projects)],
        Date.parse(t.expires_at) <= around.clock.now() ? `expired ${t.expires_at}` : t.expires_at,
        t.last_used_at ?? 'never',
      ]),
    )
  return 0
}

export const revokeToken = async (around: Surroundings, flags: Json, id: string): Promise<number> => {
  const answer = await (await connect(around)).call('tokenRevoke', { params: { token: id } })
  if (flags.json) around.stdout.write(`${JSON.stringify(answer)}\n`)
  around.stderr.write(inertText`${id} is revoked\n`)
  return 0
}
