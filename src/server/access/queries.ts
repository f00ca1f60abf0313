// The statements of access, one function each. Database time decides what has expired. Rows in, domain values out.
import { type QueryExecutorProvider, sql } from 'kysely'
import type { OrganisationId, SessionId, TokenId, UserId } from '../../base/ids.ts'
import { limits } from './limits.ts'
import type { Role, Verb } from './roles.ts'

/** A connection or a transaction; what statements run on. */
export type Executor = QueryExecutorProvider

/** What access needs of the database: statements and transactions. */
export type Database = Executor & {
  transaction(): { execute<T>(work: (tx: Executor) => Promise<T>): Promise<T> }
}

const first = async <Row>(rows: Promise<{ readonly rows: readonly Row[] }>): Promise<Row | null> =>
  (await rows).rows[0] ?? null

// people

export type Member = {
  readonly id: UserId
  readonly name: string
  readonly email: string
  readonly role: Role
  readonly organisation: OrganisationId
}

export const isClaimed = async (db: Executor, organisation: OrganisationId): Promise<boolean> => {
  const row = await first(
    sql<{ found: number }>`
      select 1 as found from membership where organisation_id = ${organisation} and role = 'owner' limit 1`.execute(
      db,
    ),
  )
  return row !== null
}

export const findOrganisation = (db: Executor): Promise<{ id: OrganisationId; name: string } | null> =>
  first(
    sql<{ id: OrganisationId; name: string }>`select id, name from organisation order by id limit 1`.execute(
      db,
    ),
  )

export const insertPerson = async (
  db: Executor,
  person: {
    readonly id: UserId
    readonly name: string
    readonly email: string
    readonly passwordHash: string | null
  },
): Promise<void> => {
  await sql`
    insert into person (id, name, email, email_key, password_hash)
    values (${person.id}, ${person.name}, ${person.email}, ${emailKey(person.email)}, ${person.passwordHash})`.execute(
    db,
  )
}

export const insertMembership = async (
  db: Executor,
  membership: { readonly organisation: OrganisationId; readonly person: UserId; readonly role: Role },
): Promise<void> => {
  await sql`
    insert into membership (organisation_id, person_id, role)
    values (${membership.organisation}, ${membership.person}, ${membership.role})`.execute(db)
}

export const emailKey = (email: string): string => email.trim().toLowerCase()

export const findPasswordOf = (
  db: Executor,
  email: string,
): Promise<{ readonly id: UserId; readonly passwordHash: string | null } | null> =>
  first(
    sql<{ id: UserId; passwordHash: string | null }>`
      select id, password_hash as "passwordHash" from person where email_key = ${emailKey(email)}`.execute(
      db,
    ),
  )

// passkeys

export type Credential = {
  readonly id: string
  readonly person: UserId
  readonly publicKey: Uint8Array
  readonly counter: number
  readonly transports: readonly string[]
}

export const insertCredential = async (db: Executor, credential: Credential): Promise<void> => {
  await sql`
    insert into credential (id, person_id, public_key, counter, transports)
    values (${credential.id}, ${credential.person}, ${Buffer.from(credential.publicKey)}, ${credential.counter},
      ${[...credential.transports]})`.execute(db)
}

export const findCredential = (db: Executor, id: string): Promise<Credential | null> =>
  first(
    sql<Credential>`
      select id, person_id as person, public_key as "publicKey", counter::float8 as counter, transports
      from credential where id = ${id}`.execute(db),
  )

export const touchCredential = async (db: Executor, id: string, counter: number): Promise<void> => {
  await sql`update credential set counter = ${counter}, last_used_at = now() where id = ${id}`.execute(db)
}

export type ChallengePurpose = 'claim' | 'sign-in'

export const insertChallenge = async (
  db: Executor,
  challenge: { readonly text: string; readonly purpose: ChallengePurpose; readonly person: UserId | null },
): Promise<void> => {
  await sql`
    insert into passkey_challenge (challenge, purpose, person_id, expires_at)
    values (${challenge.text}, ${challenge.purpose}, ${challenge.person},
      now() + ${limits.challengeMs} * interval '1 ms')`.execute(db)
}

/** The challenge, which nobody can take again; null when it is unknown, taken, expired or for something else. */
export const takeChallenge = (
  db: Executor,
  text: string,
  purpose: ChallengePurpose,
): Promise<{ readonly person: UserId | null } | null> =>
  first(
    sql<{ person: UserId | null }>`
      delete from passkey_challenge where challenge = ${text} and purpose = ${purpose} and expires_at > now()
      returning person_id as person`.execute(db),
  )

// sessions

export const insertSession = async (
  db: Executor,
  session: { readonly id: SessionId; readonly hash: Uint8Array; readonly person: UserId },
): Promise<void> => {
  await sql`
    insert into session (id, token_hash, person_id, expires_at)
    values (${session.id}, ${Buffer.from(session.hash)}, ${session.person},
      now() + ${limits.session.absoluteMs} * interval '1 ms')`.execute(db)
}

const liveSession = sql`expires_at > now() and last_seen_at > now() - ${limits.session.idleMs} * interval '1 ms'`

export type SessionMember = Member & { readonly session: SessionId; readonly seenAgoMs: number }

export const findSession = (db: Executor, hash: Uint8Array): Promise<SessionMember | null> =>
  first(
    sql<SessionMember>`
      select s.id as session, extract(epoch from now() - s.last_seen_at)::float8 * 1000 as "seenAgoMs",
        p.id, p.name, p.email, m.role, m.organisation_id as organisation
      from session s join person p on p.id = s.person_id join membership m on m.person_id = p.id
      where s.token_hash = ${Buffer.from(hash)} and ${liveSession}
      order by m.organisation_id limit 1`.execute(db),
  )

export const touchSession = async (db: Executor, id: SessionId): Promise<void> => {
  await sql`update session set last_seen_at = now() where id = ${id}`.execute(db)
}

export const deleteSession = async (db: Executor, id: SessionId): Promise<void> => {
  await sql`delete from session where id = ${id}`.execute(db)
}

/** The role this session has now; null when the session or the membership has ended. */
export const findSessionRole = async (db: Executor, id: SessionId): Promise<Role | null> => {
  const row = await first(
    sql<{ role: Role }>`
      select m.role from session s join membership m on m.person_id = s.person_id
      where s.id = ${id} and ${liveSession} order by m.organisation_id limit 1`.execute(db),
  )
  return row?.role ?? null
}

// API tokens

export type TokenRow = {
  readonly id: TokenId
  readonly name: string
  readonly prefix: string
  readonly scopes: readonly Verb[]
  readonly createdAt: Date
  readonly expiresAt: Date
  readonly lastUsedAt: Date | null
}

const tokenColumns = sql`id, name, prefix, scopes, created_at as "createdAt", expires_at as "expiresAt",
  last_used_at as "lastUsedAt"`

export const insertToken = async (
  db: Executor,
  token: {
    readonly id: TokenId
    readonly organisation: OrganisationId
    readonly person: UserId | null
    readonly name: string
    readonly hash: Uint8Array
    readonly prefix: string
    readonly scopes: readonly Verb[]
    readonly createdBy: string
    readonly days: number
  },
): Promise<TokenRow> => {
  const { rows } = await sql<TokenRow>`
    insert into api_token
      (id, organisation_id, person_id, name, token_hash, prefix, scopes, created_by, created_at, expires_at)
    values (${token.id}, ${token.organisation}, ${token.person}, ${token.name}, ${Buffer.from(token.hash)},
      ${token.prefix}, ${[...token.scopes]}, ${token.createdBy}, now(), now() + ${token.days} * interval '1 day')
    returning ${tokenColumns}`.execute(db)
  return rows[0] as TokenRow
}

export type TokenMember = {
  readonly id: TokenId
  readonly name: string
  readonly scopes: readonly Verb[]
  readonly organisation: OrganisationId
  readonly person: UserId | null
  readonly role: Role | null
  readonly usedThisHour: boolean
}

const liveToken = sql`t.revoked_at is null and t.expires_at > now()`

/** A personal token whose creator left the organisation is found no more. */
export const findToken = (db: Executor, hash: Uint8Array): Promise<TokenMember | null> =>
  first(
    sql<TokenMember>`
      select t.id, t.name, t.scopes, t.organisation_id as organisation, t.person_id as person, m.role,
        coalesce(t.last_used_at >= date_trunc('hour', now()), false) as "usedThisHour"
      from api_token t
      left join membership m on m.person_id = t.person_id and m.organisation_id = t.organisation_id
      where t.token_hash = ${Buffer.from(hash)} and ${liveToken} and (t.person_id is null or m.role is not null)`.execute(
      db,
    ),
  )

/** What the token may do now; null when it or its creator's membership has ended. */
export const findTokenRights = (
  db: Executor,
  id: TokenId,
): Promise<{ readonly scopes: readonly Verb[]; readonly role: Role | null } | null> =>
  first(
    sql<{ scopes: readonly Verb[]; role: Role | null }>`
      select t.scopes, m.role from api_token t
      left join membership m on m.person_id = t.person_id and m.organisation_id = t.organisation_id
      where t.id = ${id} and ${liveToken} and (t.person_id is null or m.role is not null)`.execute(db),
  )

export const touchToken = async (db: Executor, id: TokenId): Promise<void> => {
  await sql`update api_token set last_used_at = date_trunc('hour', now()) where id = ${id}`.execute(db)
}

/** Whose tokens: a person's own, and the organisation's service tokens where the caller may see those. */
export type TokenOwners = {
  readonly organisation: OrganisationId
  readonly person: UserId | null
  readonly service: boolean
}

const ownedBy = (owners: TokenOwners) => sql`
  organisation_id = ${owners.organisation} and revoked_at is null
  and (person_id = ${owners.person} or (person_id is null and ${owners.service}::boolean))`

export const listTokens = async (db: Executor, owners: TokenOwners): Promise<readonly TokenRow[]> => {
  const { rows } = await sql<TokenRow>`
    select ${tokenColumns} from api_token where ${ownedBy(owners)}
    order by id desc limit ${limits.tokensPerOwnerMax}`.execute(db)
  return rows
}

export const countTokens = async (db: Executor, owners: TokenOwners): Promise<number> => {
  const { rows } = await sql<{ count: number }>`
    select count(*)::integer as count from api_token where ${ownedBy(owners)} and expires_at > now()`.execute(
    db,
  )
  return rows[0]?.count ?? 0
}

/** Whether there was such a token to revoke. */
export const revokeToken = async (db: Executor, owners: TokenOwners, id: string): Promise<boolean> => {
  const { rows } = await sql`
    update api_token set revoked_at = now() where id = ${id} and ${ownedBy(owners)} returning id`.execute(db)
  return rows.length === 1
}

// the claim

export const replaceClaim = async (db: Executor, hash: Uint8Array): Promise<void> => {
  await sql`
    insert into claim (token_hash, expires_at) values (${Buffer.from(hash)}, now() + ${limits.claimMs} * interval '1 ms')
    on conflict (single) do update set token_hash = excluded.token_hash, expires_at = excluded.expires_at`.execute(
    db,
  )
}

export const isClaimValid = async (db: Executor, hash: Uint8Array): Promise<boolean> => {
  const { rows } = await sql`
    select 1 from claim where token_hash = ${Buffer.from(hash)} and expires_at > now()`.execute(db)
  return rows.length === 1
}

/** Uses the link up: of two people with the same link, one gets true. */
export const takeClaim = async (db: Executor, hash: Uint8Array): Promise<boolean> => {
  const { rows } = await sql`
    delete from claim where token_hash = ${Buffer.from(hash)} and expires_at > now() returning single`.execute(
    db,
  )
  return rows.length === 1
}

// counters and housekeeping

/** Counts one attempt and says how many this window has seen, this one included. */
export const countAttempt = async (db: Executor, key: string): Promise<number> => {
  const { rows } = await sql<{ count: number }>`
    insert into attempt_counter (key, window_start, count)
    values (${key}, date_bin(${limits.attempts.windowMs} * interval '1 ms', now(), timestamptz 'epoch'), 1)
    on conflict (key, window_start) do update set count = attempt_counter.count + 1
    returning count`.execute(db)
  return rows[0]?.count ?? 0
}

/** Removes what has expired; nothing that counts is read from these rows. */
export const deleteExpired = async (db: Executor): Promise<void> => {
  await sql`delete from session where not (${liveSession})`.execute(db)
  await sql`delete from passkey_challenge where expires_at <= now()`.execute(db)
  await sql`delete from attempt_counter where window_start < now() - interval '1 hour'`.execute(db)
}
