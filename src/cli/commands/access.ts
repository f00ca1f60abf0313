// Who am I to which server: login, logout, whoami, and API tokens.
import { fault } from '../../base/faults.ts'
import { Secret } from '../../base/secret.ts'
import { createApiClient } from '../api/client.ts'
import { connect } from '../api/connect.ts'
import { forgetSignIn, storeSignIn } from '../api/target.ts'
import { writeTable } from '../look.ts'
import type { Surroundings } from '../surroundings.ts'

type Json = { readonly json?: boolean }

/** The token is tried before it is stored. */
export const login = async (around: Surroundings, _flags: Json, url: string): Promise<number> => {
  const token = new Secret((await around.readStdin()).trim())
  const me = await createApiClient({ kind: 'token', url, token }).call('me', {})
  if (me.user === null) throw fault('E_UNAUTHENTICATED', { public: `${url} does not know this token` })
  const path = await storeSignIn(around, url, token)
  around.stderr.write(`signed in as ${me.user.name}; the token is in ${path}, readable by you only\n`)
  return 0
}

export const logout = async (around: Surroundings): Promise<number> => {
  await forgetSignIn(around)
  around.stderr.write('the token is forgotten here; `mayfly token revoke` ends it on the server\n')
  return 0
}

export const whoami = async (around: Surroundings, flags: Json): Promise<number> => {
  const me = await (await connect(around)).call('me', {})
  if (flags.json) around.stdout.write(`${JSON.stringify(me)}\n`)
  else
    around.stdout.write(
      `${me.user === null ? 'operator' : `${me.user.name} <${me.user.email}> (${me.user.role})`}\n`,
    )
  return 0
}

export const createToken = async (
  around: Surroundings,
  flags: Json & { readonly scope: readonly string[]; readonly days: string },
  name: string,
): Promise<number> => {
  const scopes = flags.scope.length > 0 ? [...flags.scope] : ['project.view', 'run.view', 'log.read']
  const made = await (await connect(around)).call('tokenCreate', {
    body: { name, scopes, days: Number(flags.days) },
  })
  if (flags.json) around.stdout.write(`${JSON.stringify(made)}\n`)
  else around.stdout.write(`${made.secret}\n`)
  around.stderr.write(
    `This is the only time it is shown. It may: ${scopes.join(', ')}; until ${made.token.expires_at}\n`,
  )
  return 0
}

export const listTokens = async (around: Surroundings, flags: Json): Promise<number> => {
  const page = await (await connect(around)).call('tokens', {})
  if (flags.json) around.stdout.write(`${JSON.stringify(page.items)}\n`)
  else
    writeTable(
      around.stdout,
      ['ID', 'NAME', 'MAY', 'EXPIRES', 'LAST USED'],
      page.items.map((t) => [t.id, t.name, t.scopes.join(','), t.expires_at, t.last_used_at ?? 'never']),
    )
  return 0
}

export const revokeToken = async (around: Surroundings, _flags: Json, id: string): Promise<number> => {
  await (await connect(around)).call('tokenRevoke', { params: { token: id } })
  around.stderr.write(`${id} is revoked\n`)
  return 0
}
