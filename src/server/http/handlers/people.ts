// Routes about people: who am I, the claim, signing in and out, API tokens.
import type { Invitation, Me, Member, Passkey, Session, Token } from '../../../protocol/api/shapes.ts'
import type { Access } from '../../access/access.ts'
import type { Preferences } from '../../access/account.ts'
import type { Actor } from '../../access/actor.ts'
import type { InvitationRow, MemberRow, SessionRow } from '../../access/member-queries.ts'
import type { PasskeyRow } from '../../access/own-passkeys.ts'
import type { TokenRow } from '../../access/queries.ts'
import { verbsOf } from '../../access/roles.ts'
import type { OpenedSession } from '../../access/sessions.ts'
import type { Handlers } from '../binder.ts'
import { pageOf } from '../paging.ts'

export type PeopleRoutes =
  | 'me'
  | 'claimOptions'
  | 'claim'
  | 'signIn'
  | 'signInOptions'
  | 'signInPasskey'
  | 'signOut'
  | 'proofOptions'
  | 'proof'
  | 'tokens'
  | 'tokenCreate'
  | 'tokenRevoke'
  | 'operatorClaimLink'
  | 'sessions'
  | 'sessionEnd'
  | 'sessionsEnd'
  | 'passkeys'
  | 'passkeyOptions'
  | 'passkeyAdd'
  | 'passkeyRemove'
  | 'preferences'
  | 'preferencesSet'
  | 'views'
  | 'viewSave'
  | 'viewRemove'
  | 'members'
  | 'member'
  | 'memberChange'
  | 'memberSignOut'
  | 'invitations'
  | 'invitationCreate'
  | 'invitationRevoke'
  | 'joinOptions'
  | 'join'

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
    proofOptions: ({ actor, visit }) => access.proof.start(actor, visit),
    proof: async ({ actor, body, visit, setSession }) => {
      setSession(await access.proof.finish(actor, body, visit))
      return {}
    },
    signOut: async ({ actor, setSession }) => {
      if (actor.kind === 'user') await access.sessions.end(actor)
      setSession(null)
      return {}
    },
    tokens: async ({ actor, query }) =>
      pageOf((await access.tokens.list(actor)).map(tokenShape), query, idOf),
    tokenCreate: async ({ actor, body }) => {
      const { row, secret } = await access.tokens.create(actor, body)
      return { token: tokenShape(row), secret: secret.reveal('shown to its maker, once') }
    },
    tokenRevoke: async ({ actor, params }) => {
      await access.tokens.revoke(actor, params.token)
      return {}
    },
    sessions: async ({ actor, query }) => {
      const rows = await access.sessions.list(actor)
      return pageOf(
        rows.map((row) => sessionShape(row, actor)),
        query,
        idOf,
      )
    },
    sessionEnd: async ({ actor, params, setSession }) => {
      await access.sessions.endOne(actor, params.session)
      if (actor.kind === 'user' && actor.session === params.session) setSession(null)
      return {}
    },
    sessionsEnd: async ({ actor, body, setSession }) => {
      const ended = await access.sessions.endAll(actor, { keepThis: body.keep_this })
      if (!body.keep_this) setSession(null)
      return { ended }
    },
    passkeys: async ({ actor, query }) =>
      pageOf((await access.ownPasskeys.list(actor)).map(passkeyShape), query, idOf),
    passkeyOptions: async ({ actor }) => ({ options: await access.ownPasskeys.options(actor) }),
    passkeyAdd: async ({ actor, body }) => passkeyShape(await access.ownPasskeys.add(actor, body)),
    passkeyRemove: async ({ actor, params }) => {
      await access.ownPasskeys.remove(actor, params.passkey)
      return {}
    },
    ...accountHandlers(access),
    ...memberHandlers(access),
    joinOptions: async ({ body, visit }) => ({ options: await access.members.joinOptions(body, visit) }),
    join: async ({ body, visit, setSession }) => welcome(await access.members.join(body, visit), setSession),
    operatorClaimLink: async ({ actor }) => {
      const url = await access.claim.issue(actor)
      return { claimed: url === null, url: url?.reveal('the operator asked for it') ?? null }
    },
  }
}

const accountHandlers = ({
  account,
}: Access): Pick<Handlers, 'preferences' | 'preferencesSet' | 'views' | 'viewSave' | 'viewRemove'> => ({
  preferences: async ({ actor }) => preferencesShape(await account.preferences(actor)),
  preferencesSet: async ({ actor, body, expect }) => {
    const { time_zone: timeZone, clock_hours: clockHours, letter_keys: letterKeys } = body
    const wanted = { timeZone, clockHours, letterKeys }
    return preferencesShape(
      await account.setPreferences(actor, wanted, (current) => expect(preferencesShape(current))),
    )
  },
  views: async ({ actor, query }) => pageOf(await account.views(actor), query, idOf),
  viewSave: ({ actor, body }) => account.saveView(actor, body),
  viewRemove: async ({ actor, params }) => {
    await account.removeView(actor, params.view)
    return {}
  },
})

const memberHandlers = (
  access: Access,
): Pick<
  Handlers,
  | 'members'
  | 'member'
  | 'memberChange'
  | 'memberSignOut'
  | 'invitations'
  | 'invitationCreate'
  | 'invitationRevoke'
> => ({
  members: async ({ actor, query }) =>
    pageOf((await access.members.list(actor)).map(memberShape), query, idOf),
  member: async ({ actor, params }) => memberShape(await access.members.find(actor, params.member)),
  memberChange: async ({ actor, params, body, expect }) =>
    memberShape(
      await access.members.change(actor, params.member, body, (current) => expect(memberShape(current))),
    ),
  memberSignOut: async ({ actor, params }) => ({
    ended: await access.members.signOut(actor, params.member),
  }),
  invitations: async ({ actor, query }) =>
    pageOf((await access.members.invitations(actor)).map(invitationShape), query, idOf),
  invitationCreate: async ({ actor, body }) => {
    const { row, url } = await access.members.invite(actor, body)
    return { invitation: invitationShape(row), url: url.reveal('shown to who invites, once') }
  },
  invitationRevoke: async ({ actor, params }) => {
    await access.members.uninvite(actor, params.invitation)
    return {}
  },
})

const idOf = ({ id }: { readonly id: string }): string => id

const describePerson = async (
  access: Access,
  actor: Extract<Actor, { kind: 'user' }>,
): Promise<NonNullable<Me['user']>> => {
  const { user: id, name, email, role } = actor
  const [ask, preferences, lastSignIn] = await Promise.all([
    access.whomToAsk(actor),
    access.account.preferences(actor),
    access.account.lastSignIn(actor),
  ])
  return {
    ...{ id, name, email, role, may: [...verbsOf(role)], ask: [...ask] },
    ...{ preferences: preferencesShape(preferences), last_sign_in: lastSignIn },
  }
}

const describe = async (
  { access, version }: { readonly access: Access; readonly version: string },
  actor: Actor | null,
): Promise<Me> => ({
  claimed: await access.isClaimed(),
  user: actor?.kind === 'user' ? await describePerson(access, actor) : null,
  token:
    actor?.kind === 'token'
      ? {
          ...{ id: actor.token, name: actor.name, scopes: [...actor.scopes] },
          projects: actor.projects === null ? null : [...actor.projects],
          expires_at: actor.expiresAt.toISOString(),
        }
      : null,
  // A stranger learns that there is an installation, not whose.
  organisation: actor === null ? null : access.organisation,
  version,
})

const preferencesShape = ({ timeZone, clockHours, letterKeys }: Preferences) => ({
  ...{ time_zone: timeZone, clock_hours: clockHours, letter_keys: letterKeys },
})

const tokenShape = (row: TokenRow): Token => ({
  id: row.id,
  name: row.name,
  prefix: row.prefix,
  scopes: [...row.scopes],
  projects: row.projects === null ? null : [...row.projects],
  created_at: row.createdAt.toISOString(),
  expires_at: row.expiresAt.toISOString(),
  last_used_at: row.lastUsedAt?.toISOString() ?? null,
})

const sessionShape = (row: SessionRow, actor: Actor): Session => ({
  id: row.id,
  current: actor.kind === 'user' && actor.session === row.id,
  user: { id: row.user, name: row.name },
  how: row.how,
  browser: row.browser,
  address: row.address,
  created_at: row.createdAt.toISOString(),
  last_seen_at: row.lastSeenAt.toISOString(),
  expires_at: row.expiresAt.toISOString(),
})

const passkeyShape = (row: PasskeyRow): Passkey => ({
  ...{ id: row.id, name: row.name },
  created_at: row.createdAt.toISOString(),
  last_used_at: row.lastUsedAt?.toISOString() ?? null,
})

const memberShape = (row: MemberRow): Member => ({
  ...{ id: row.id, name: row.name, email: row.email, role: row.role, disabled: row.disabled },
  factors: { passkeys: row.passkeys, password: row.password },
  sessions: row.sessions,
  created_at: row.createdAt.toISOString(),
  last_seen_at: row.lastSeenAt?.toISOString() ?? null,
})

const invitationShape = (row: InvitationRow): Invitation => ({
  ...{ id: row.id, role: row.role, created_by: row.createdBy },
  created_at: row.createdAt.toISOString(),
  expires_at: row.expiresAt.toISOString(),
})
