// Routes about people: who am I, the claim, signing in and out, API tokens.
import type { Me, Token } from '../../../protocol/api/shapes.ts'
import type { Access } from '../../access/access.ts'
import type { Actor } from '../../access/actor.ts'
import type { TokenRow } from '../../access/queries.ts'
import type { OpenedSession } from '../../access/sessions.ts'
import type { Handlers } from '../binder.ts'

export type PeopleRoutes =
  | 'me'
  | 'claimOptions'
  | 'claim'
  | 'signIn'
  | 'signInOptions'
  | 'signInPasskey'
  | 'signOut'
  | 'tokens'
  | 'tokenCreate'
  | 'tokenRevoke'
  | 'operatorClaimLink'

export const peopleHandlers = (deps: {
  readonly access: Access
  readonly version: string
}): Pick<Handlers, PeopleRoutes> => {
  const { access } = deps
  const welcome = async (
    session: OpenedSession,
    setSession: (session: OpenedSession) => void,
  ): Promise<Me> => {
    setSession(session)
    return describe(deps, session.person)
  }
  return {
    me: ({ actor }) => describe(deps, actor),
    claimOptions: async ({ body, visit }) => ({ options: await access.claim.passkeyOptions(body, visit) }),
    claim: async ({ body, visit, setSession }) => welcome(await access.claim.finish(body, visit), setSession),
    signIn: async ({ body, visit, setSession }) =>
      welcome(await access.signIn.byPassword(body, visit), setSession),
    signInOptions: ({ visit }) => access.signIn.passkeyOptions(visit),
    signInPasskey: async ({ body, visit, setSession }) =>
      welcome(await access.signIn.byPasskey(body, visit), setSession),
    signOut: async ({ actor, setSession }) => {
      if (actor.kind === 'user') await access.sessions.end(actor)
      setSession(null)
      return {}
    },
    tokens: async ({ actor }) => ({
      items: (await access.tokens.list(actor)).map(tokenShape),
      next_cursor: null,
    }),
    tokenCreate: async ({ actor, body }) => {
      const { row, secret } = await access.tokens.create(actor, body)
      return { token: tokenShape(row), secret: secret.reveal('shown to its maker, once') }
    },
    tokenRevoke: async ({ actor, params }) => {
      await access.tokens.revoke(actor, params.token)
      return {}
    },
    operatorClaimLink: async ({ actor }) => {
      const url = await access.claim.issue(actor)
      return { claimed: url === null, url: url?.reveal('the operator asked for it') ?? null }
    },
  }
}

const describe = async (
  { access, version }: { readonly access: Access; readonly version: string },
  actor: Actor | null,
): Promise<Me> => ({
  claimed: await access.isClaimed(),
  user:
    actor?.kind === 'user'
      ? { id: actor.user, name: actor.name, email: actor.email, role: actor.role }
      : null,
  // A stranger learns that there is an installation, not whose.
  organisation: actor === null ? null : access.organisation,
  version,
})

const tokenShape = (row: TokenRow): Token => ({
  id: row.id,
  name: row.name,
  prefix: row.prefix,
  scopes: [...row.scopes],
  created_at: row.createdAt.toISOString(),
  expires_at: row.expiresAt.toISOString(),
  last_used_at: row.lastUsedAt?.toISOString() ?? null,
})
