// The statements about members, their sessions and invitations. Rows in, domain values out.
import { sql } from 'kysely'
import type { InvitationId, OrganisationId, SessionId, TokenId, UserId } from '../../base/ids.ts'
import { limits } from './limits.ts'
import { type Executor, liveSession } from './queries.ts'
import type { Role } from './roles.ts'

// sessions

export type SessionRow = {
  readonly id: SessionId
  readonly user: UserId
  readonly name: string
  readonly how: string | null
  readonly browser: string | null
  readonly address: string | null
  readonly createdAt: Date
  readonly lastSeenAt: Date
  readonly expiresAt: Date
}

/** `user` null: of everybody in the organisation. */
export type SessionOwners = { readonly organisation: OrganisationId; readonly user: UserId | null }

const ofOwners = ({ organisation, user }: SessionOwners) => sql`
  u.organisation_id = ${organisation} and (${user}::text is null or u.id = ${user})`

/** Those that were seen last, in the order in which they began: one that is used meanwhile stays where it is, whatever page is read. */
export const listSessions = async (db: Executor, owners: SessionOwners): Promise<readonly SessionRow[]> => {
  const { rows } = await sql<SessionRow>`
    select * from (
      select s.id, u.id as user, u.name, s.how, s.browser, s.address, s.created_at as "createdAt",
        s.last_seen_at as "lastSeenAt", s.expires_at as "expiresAt"
      from sessions s join users u on u.id = s.user_id
      where ${ofOwners(owners)} and ${liveSession}
      order by s.last_seen_at desc, s.id limit ${limits.sessionsListed}) as seen
    order by id desc`.execute(db)
  return rows
}

/** Those of `owners` that are named, or all of them; answers which ended. */
export const endSessions = async (
  db: Executor,
  owners: SessionOwners,
  { only, except }: { readonly only: string | null; readonly except: SessionId | null },
): Promise<readonly SessionId[]> => {
  const { rows } = await sql<{ id: SessionId }>`
    delete from sessions s using users u
    where u.id = s.user_id and ${ofOwners(owners)} and (${only}::text is null or s.id = ${only})
      and (${except}::text is null or s.id <> ${except})
    returning s.id`.execute(db)
  return rows.map(({ id }) => id)
}

// members

export type MemberRow = {
  readonly id: UserId
  readonly name: string
  readonly email: string
  readonly role: Role
  readonly disabled: boolean
  readonly passkeys: number
  readonly password: boolean
  readonly sessions: number
  readonly createdAt: Date
  readonly lastSeenAt: Date | null
}

export const listMembers = async (
  db: Executor,
  organisation: OrganisationId,
  member: string | null = null,
): Promise<readonly MemberRow[]> => {
  const { rows } = await sql<MemberRow>`
    select u.id, u.name, u.email, u.role, u.disabled_at is not null as disabled, u.created_at as "createdAt",
      (select count(*) from passkeys k where k.user_id = u.id) as passkeys,
      exists (select 1 from passwords p where p.user_id = u.id) as password,
      count(s.id) as sessions, max(s.last_seen_at) as "lastSeenAt"
    from users u left join sessions s on s.user_id = u.id and ${liveSession}
    where u.organisation_id = ${organisation} and (${member}::text is null or u.id = ${member})
    group by u.id order by u.created_at, u.id limit ${limits.membersMax}`.execute(db)
  return rows
}

/** Locks the owners who can sign in, so that of two who lose the role at once one is told. */
export const lockOwners = async (tx: Executor, organisation: OrganisationId): Promise<readonly UserId[]> => {
  const { rows } = await sql<{ id: UserId }>`
    select id from users where organisation_id = ${organisation} and role = 'owner' and disabled_at is null
    order by id for update`.execute(tx)
  return rows.map(({ id }) => id)
}

export const changeMember = async (
  tx: Executor,
  member: UserId,
  change: { readonly role: Role; readonly disabled: boolean },
): Promise<void> => {
  await sql`
    update users set role = ${change.role},
      disabled_at = case when ${change.disabled}::boolean then coalesce(disabled_at, now()) end
    where id = ${member}`.execute(tx)
}

/** All of their own, for good; answers which. */
export const revokeTokens = async (tx: Executor, member: UserId): Promise<readonly TokenId[]> => {
  const { rows } = await sql<{ id: TokenId }>`
    update api_tokens set revoked_at = now() where user_id = ${member} and revoked_at is null returning id`.execute(
    tx,
  )
  return rows.map(({ id }) => id)
}

// invitations

export type InvitationRow = {
  readonly id: InvitationId
  readonly role: Role
  readonly createdBy: string
  readonly createdAt: Date
  readonly expiresAt: Date
}

const invitationColumns = sql`id, role, created_by as "createdBy", created_at as "createdAt", expires_at as "expiresAt"`

export const insertInvitation = async (
  tx: Executor,
  invitation: {
    readonly id: InvitationId
    readonly organisation: OrganisationId
    readonly role: Role
    readonly hash: Uint8Array
    readonly createdBy: string
    readonly days: number
  },
): Promise<InvitationRow> => {
  const { rows } = await sql<InvitationRow>`
    insert into invitations (id, organisation_id, role, token_hash, created_by, expires_at)
    values (${invitation.id}, ${invitation.organisation}, ${invitation.role}, ${Buffer.from(invitation.hash)},
      ${invitation.createdBy}, now() + ${invitation.days} * interval '1 day')
    returning ${invitationColumns}`.execute(tx)
  // SAFE: an insert of one row that did not throw returns it.
  return rows[0] as InvitationRow
}

export const listInvitations = async (
  db: Executor,
  organisation: OrganisationId,
): Promise<readonly InvitationRow[]> => {
  const { rows } = await sql<InvitationRow>`
    select ${invitationColumns} from invitations
    where organisation_id = ${organisation} and expires_at > now()
    order by created_at desc, id limit ${limits.invitationsMax}`.execute(db)
  return rows
}

export const deleteInvitation = async (
  tx: Executor,
  organisation: OrganisationId,
  id: string,
): Promise<boolean> => {
  const { rows } = await sql`
    delete from invitations where id = ${id} and organisation_id = ${organisation} returning id`.execute(tx)
  return rows.length > 0
}

type Invited = { readonly id: InvitationId; readonly role: Role; readonly organisation: OrganisationId }

export const findInvitation = async (db: Executor, hash: Uint8Array): Promise<Invited | null> => {
  const { rows } = await sql<Invited>`
    select id, role, organisation_id as organisation from invitations
    where token_hash = ${Buffer.from(hash)} and expires_at > now()`.execute(db)
  return rows[0] ?? null
}

/** Uses the link up: of two people with the same link, one gets it. */
export const takeInvitation = async (tx: Executor, hash: Uint8Array): Promise<Invited | null> => {
  const { rows } = await sql<Invited>`
    delete from invitations where token_hash = ${Buffer.from(hash)} and expires_at > now()
    returning id, role, organisation_id as organisation`.execute(tx)
  return rows[0] ?? null
}

export const isEmailTaken = async (db: Executor, email: string): Promise<boolean> => {
  const { rows } = await sql`select 1 from users where lower(email) = lower(${email})`.execute(db)
  return rows.length > 0
}
