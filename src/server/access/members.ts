// Members of the organisation: who they are, their roles, and further ones by invitation: a link with 256 bits in its
// fragment, stored as SHA-256, used once. The last owner who can sign in stays one. Whoever is disabled or signed out
// has no session from that moment on; whoever is disabled has no token either, also when enabled again.
import { fault, isFault } from '../../base/faults.ts'
import type { SessionId, TokenId, UserId } from '../../base/ids.ts'
import { Secret } from '../../base/secret.ts'
import { type Actor, actorId } from './actor.ts'
import { countClaimFrom } from './attempts.ts'
import { writeAudit } from './audit.ts'
import { type GivenFactor, howOf, insertPerson, takeFirstFactor } from './first-factor.ts'
import { hashOf, randomText } from './hashed.ts'
import { limits } from './limits.ts'
import * as members from './member-queries.ts'
import type { PasskeyOptions, Passkeys } from './passkeys.ts'
import type { Passwords } from './password.ts'
import type { Executor } from './queries.ts'
import type { Role } from './roles.ts'
import type { OpenedSession, SessionDeps, Sessions } from './sessions.ts'
import type { Site } from './site.ts'
import type { Visit } from './visit.ts'

const invitationBytes = 32

type Newcomer = { readonly token: string; readonly name: string; readonly email: string }

type MemberChange = { readonly role?: Role | undefined; readonly disabled?: boolean | undefined }

export type Members = {
  list(actor: Actor): Promise<readonly members.MemberRow[]>
  find(actor: Actor, member: string): Promise<members.MemberRow>
  /** `expect` is shown the member as it stands, and may refuse. */
  change(
    actor: Actor,
    member: string,
    change: MemberChange,
    expect: (current: members.MemberRow) => void,
  ): Promise<members.MemberRow>
  /** Ends every session of a member; answers how many. */
  signOut(actor: Actor, member: string): Promise<number>
  invitations(actor: Actor): Promise<readonly members.InvitationRow[]>
  invite(
    actor: Actor,
    input: { readonly role: Role; readonly days: number },
  ): Promise<{ readonly row: members.InvitationRow; readonly url: Secret<string> }>
  uninvite(actor: Actor, invitation: string): Promise<void>
  joinOptions(newcomer: Newcomer, visit: Visit): Promise<PasskeyOptions>
  join(newcomer: Newcomer & GivenFactor, visit: Visit): Promise<OpenedSession>
}

type Deps = SessionDeps & {
  readonly site: () => Site
  readonly sessions: Sessions
  readonly passwords: Passwords
  readonly passkeys: Passkeys
  readonly tellEnded: (id: SessionId | TokenId) => void
}

export const createMembers = (deps: Deps): Members => ({
  list: (actor) => members.listMembers(deps.db, actor.scope.organisation),
  find: (actor, member) => oneMember(deps, actor, member),
  change: (actor, member, change, expect) => changeMember(deps, actor, member, { change, expect }),
  signOut: async (actor, member) => {
    const { id } = await oneMember(deps, actor, member)
    const ended = await deps.db.transaction().execute((tx) => endAllOf(tx, actor, id))
    for (const each of ended) deps.tellEnded(each)
    return ended.length
  },
  invitations: (actor) => members.listInvitations(deps.db, actor.scope.organisation),
  invite: (actor, input) => invite(deps, actor, input),
  uninvite: async (actor, invitation) => {
    await deps.db.transaction().execute(async (tx) => {
      if (!(await members.deleteInvitation(tx, actor.scope.organisation, invitation)))
        throw fault('E_NOT_FOUND')
      await writeAudit(tx, actor, { action: 'member.uninvite', target: invitation, result: 'ok' })
    })
  },
  joinOptions: async (newcomer, visit) => {
    await checkInvitation(deps, newcomer, visit)
    const { name, email } = newcomer
    return deps.passkeys.startRegistration({ user: deps.newId('user'), name, email })
  },
  join: (newcomer, visit) => join(deps, newcomer, visit),
})

const oneMember = async (deps: Deps, actor: Actor, member: string): Promise<members.MemberRow> => {
  const [row] = await members.listMembers(deps.db, actor.scope.organisation, member)
  if (row === undefined) throw fault('E_NOT_FOUND')
  return row
}

const changeMember = async (
  deps: Deps,
  actor: Actor,
  member: string,
  { change, expect }: { readonly change: MemberChange; readonly expect: Parameters<Members['change']>[3] },
): Promise<members.MemberRow> => {
  const { organisation } = actor.scope
  const { id, ended } = await deps.db.transaction().execute(async (tx) => {
    // There is always one, so this holds up every other change of a member, too.
    const owners = await members.lockOwners(tx, organisation)
    const [before] = await members.listMembers(tx, organisation, member)
    if (before === undefined) throw fault('E_NOT_FOUND')
    expect(before)
    const after = { role: change.role ?? before.role, disabled: change.disabled ?? before.disabled }
    const staysOwner = after.role === 'owner' && !after.disabled
    if (!staysOwner && owners.length === 1 && owners[0] === before.id)
      throw fault('E_CONFLICT', { public: 'This is the last owner: make somebody else an owner first' })
    await members.changeMember(tx, before.id, after)
    const facts = { role: after.role, disabled: after.disabled }
    await writeAudit(tx, actor, { action: 'member.change', target: before.id, result: 'ok', facts })
    const tokens = after.disabled ? await revokeAllOf(tx, actor, before.id) : []
    // Also of somebody whose role changed: what their pages show was drawn for another one.
    const isLess = after.disabled || after.role !== 'owner'
    return { id: before.id, ended: [...tokens, ...(isLess ? await endAllOf(tx, actor, before.id) : [])] }
  })
  for (const each of ended) deps.tellEnded(each)
  return oneMember(deps, actor, id)
}

const endAllOf = async (tx: Executor, actor: Actor, user: UserId): Promise<readonly SessionId[]> => {
  const owners = { organisation: actor.scope.organisation, user }
  const ids = await members.endSessions(tx, owners, { only: null, except: null })
  const facts = { sessions: ids.length }
  if (ids.length > 0)
    await writeAudit(tx, actor, { action: 'session.end-all', target: user, result: 'ok', facts })
  return ids
}

const revokeAllOf = async (tx: Executor, actor: Actor, user: UserId): Promise<readonly TokenId[]> => {
  const ids = await members.revokeTokens(tx, user)
  const facts = { tokens: ids.length }
  if (ids.length > 0)
    await writeAudit(tx, actor, { action: 'token.revoke-all', target: user, result: 'ok', facts })
  return ids
}

const invite = async (deps: Deps, actor: Actor, { role, days }: { role: Role; days: number }) => {
  const token = randomText(deps.randomBytes, invitationBytes).reveal('to put it into the link')
  const row = await deps.db.transaction().execute(async (tx) => {
    const { organisation } = actor.scope
    if ((await members.listInvitations(tx, organisation)).length >= limits.invitationsMax)
      throw fault('E_CONFLICT', { public: `More than ${limits.invitationsMax} invitations are open` })
    const made = await members.insertInvitation(tx, {
      ...{ id: deps.newId('invitation'), organisation, role, days, hash: hashOf(token) },
      createdBy: actorId(actor),
    })
    const facts = { role, days }
    await writeAudit(tx, actor, { action: 'member.invite', target: made.id, result: 'ok', facts })
    return made
  })
  // The fragment never reaches a server, so no proxy or access log ever holds it.
  return { row, url: new Secret(`${deps.site().url}/join#${token}`) }
}

const checkInvitation = async (deps: Deps, { token }: Newcomer, visit: Visit): Promise<void> => {
  await countClaimFrom(deps.db, visit.address)
  if ((await members.findInvitation(deps.db, hashOf(token))) === null) throw fault('E_CLAIM_INVALID')
}

const join = async (deps: Deps, newcomer: Newcomer & GivenFactor, visit: Visit): Promise<OpenedSession> => {
  await checkInvitation(deps, newcomer, visit)
  const factor = await takeFirstFactor(deps, newcomer)
  const { name, email } = newcomer
  try {
    return await deps.db.transaction().execute(async (tx) => {
      const invited = await members.takeInvitation(tx, hashOf(newcomer.token))
      if (invited === null) throw fault('E_CLAIM_INVALID')
      if (await members.isEmailTaken(tx, email)) throw taken
      const { role, organisation } = invited
      await insertPerson(tx, { name, email, role, organisation }, factor)
      const how = howOf(factor)
      const opened = await deps.sessions.open(tx, factor.user, { how, visit })
      const facts = { how, role, invitation: invited.id }
      await writeAudit(tx, opened.person, { action: 'member.join', target: factor.user, result: 'ok', facts })
      return opened
    })
  } catch (error) {
    // Two with one address at once: the index decides.
    if (!isFault(error) && (error as { code?: unknown }).code === '23505') throw taken
    throw error
  }
}

const taken = fault('E_CONFLICT', { public: 'Somebody with this e-mail address is a member already' })
