// The statements of access, one function each. Database time decides what has expired. Rows in, domain values out.
import { type QueryExecutorProvider, sql } from 'kysely'
import { fault } from '../../base/faults.ts'
import type { OrganisationId, ProjectId, SessionId, TokenId, UserId } from '../../base/ids.ts'
import { isLately } from '../db/lately.ts'
import { limits } from './limits.ts'
import type { Role, Verb } from './roles.ts'

/** A connection or a transaction; what statements run on. */
export type Executor = QueryExecutorProvider

/** What access needs of the database: statements and transactions. */
export type Database = Executor & {
  transaction(): { execute<T>(work: (tx: Executor) => Promise<T>): Promise<T> }
}

const first = async <Row>(result: Promise<{ readonly rows: readonly Row[] }>): Promise<Row | null> =>
  (await result).rows[0] ?? null

const some = async (result: Promise<{ readonly rows: readonly unknown[] }>): Promise<boolean> =>
  (await result).rows.length > 0

// people

export type Member = {
  readonly id: UserId
  readonly name: string
  readonly email: string
  readonly role: Role
  readonly organisation: OrganisationId
}

export type Organisation = { readonly id: OrganisationId; readonly name: string }

export const findOrganisation = (db: Executor): Promise<Organisation | null> =>
  first(sql<Organisation>`select id, name from organisations order by id limit 1`.execute(db))

/** Makes the installation's one organisation when there is none; two servers that start at once make one. */
export const keepOrganisation = async (db: Executor, organisation: Organisation): Promise<void> => {
  await sql`
    insert into organisations (id, name) select ${organisation.id}, ${organisation.name}
    where not exists (select 1 from organisations) on conflict do nothing`.execute(db)
}

export const isClaimed = (db: Executor, organisation: OrganisationId): Promise<boolean> =>
  some(
    sql`select 1 from users where organisation_id = ${organisation} and role = 'owner' limit 1`.execute(db),
  )

export const insertUser = async (db: Executor, user: Member): Promise<void> => {
  await sql`
    insert into users (id, organisation_id, name, email, role)
    values (${user.id}, ${user.organisation}, ${user.name}, ${user.email}, ${user.role})`.execute(db)
}

export const insertPassword = async (db: Executor, user: UserId, hash: string): Promise<void> => {
  await sql`insert into passwords (user_id, hash) values (${user}, ${hash})`.execute(db)
}

export type KnownUser = { readonly id: UserId; readonly organisation: OrganisationId }

export const findPasswordOf = (
  db: Executor,
  email: string,
): Promise<(KnownUser & { readonly hash: string | null }) | null> =>
  first(
    sql<KnownUser & { hash: string | null }>`
      select u.id, u.organisation_id as organisation, p.hash
      from users u left join passwords p on p.user_id = u.id
      where lower(u.email) = lower(${email}) and u.disabled_at is null`.execute(db),
  )

// passkeys

export type Passkey = {
  readonly id: string
  readonly user: UserId
  readonly publicKey: Uint8Array
  readonly counter: number
  readonly transports: readonly string[]
  /** What its person calls it. */
  readonly name: string | null
}

export const insertPasskey = async (db: Executor, passkey: Passkey): Promise<void> => {
  await sql`
    insert into passkeys (id, user_id, public_key, counter, transports, name)
    values (${passkey.id}, ${passkey.user}, ${Buffer.from(passkey.publicKey)}, ${passkey.counter},
      ${[...passkey.transports]}, ${passkey.name})`.execute(db)
}

export const findPasskey = (
  db: Executor,
  id: string,
): Promise<(Passkey & { readonly organisation: OrganisationId }) | null> =>
  first(
    sql<Passkey & { organisation: OrganisationId }>`
      select k.id, k.user_id as user, k.public_key as "publicKey", k.counter::float8 as counter, k.transports, k.name,
        u.organisation_id as organisation
      from passkeys k join users u on u.id = k.user_id
      where k.id = ${id} and u.disabled_at is null`.execute(db),
  )

export const touchPasskey = async (db: Executor, id: string, counter: number): Promise<void> => {
  await sql`update passkeys set counter = ${counter}, last_used_at = now() where id = ${id}`.execute(db)
}

export type ChallengePurpose = 'claim' | 'sign-in' | 'add' | 'prove'

export const insertChallenge = async (
  db: Executor,
  challenge: { readonly text: string; readonly purpose: ChallengePurpose; readonly user: UserId | null },
): Promise<void> => {
  await sql`
    insert into passkey_challenges (challenge, purpose, user_id, expires_at)
    values (${challenge.text}, ${challenge.purpose}, ${challenge.user},
      now() + ${limits.challengeMs} * interval '1 ms')`.execute(db)
}

/** The challenge, which nobody can take again; null when it is unknown, taken, expired or for something else. */
export const takeChallenge = (
  db: Executor,
  text: string,
  purpose: ChallengePurpose,
): Promise<{ readonly user: UserId | null } | null> =>
  first(
    sql<{ user: UserId | null }>`
      delete from passkey_challenges where challenge = ${text} and purpose = ${purpose} and expires_at > now()
      returning user_id as user`.execute(db),
  )

// sessions

/**
 * Refuses somebody who is disabled. Who disables them after that waits for this transaction, and ends what it makes: a row that refers to theirs
 * does not keep it as it is.
 */
export const requireEnabled = async (tx: Executor, user: UserId): Promise<void> => {
  if (
    !(await some(sql`select 1 from users where id = ${user} and disabled_at is null for share`.execute(tx)))
  )
    throw fault('E_UNAUTHENTICATED')
}

export const insertSession = async (
  db: Executor,
  session: {
    readonly id: SessionId
    readonly hash: Uint8Array
    readonly user: UserId
    readonly how: string
    readonly browser: string | null
    readonly address: string
  },
): Promise<void> => {
  await sql`
    insert into sessions (id, token_hash, user_id, how, browser, address, came_after, expires_at)
    select ${session.id}, ${Buffer.from(session.hash)}, id, ${session.how}, ${session.browser}, ${session.address},
      last_sign_in, now() + ${limits.session.absoluteMs} * interval '1 ms'
    from users where id = ${session.user}`.execute(db)
  await sql`
    update users set last_sign_in = jsonb_build_object('at', now(), 'how', ${session.how}::text,
      'browser', ${session.browser}::text, 'address', ${session.address}::text)
    where id = ${session.user}`.execute(db)
}

/** One that a clock opened which was ahead would live until that time came. */
export const liveSession = sql`expires_at > now() and expires_at < now() + 2 * ${limits.session.absoluteMs} * interval '1 ms'
  and last_seen_at > now() - ${limits.session.idleMs} * interval '1 ms'`

export type SessionMember = Member & {
  readonly session: SessionId
  /** Of this and the next: how far away, in either direction. A clock that was ahead and came back made nothing fresh. */
  readonly seenAgoMs: number
  /** How long ago its person proved that it is them. */
  readonly provedAgoMs: number
}

const sessionMember = (db: Executor, condition: ReturnType<typeof sql>): Promise<SessionMember | null> =>
  first(
    sql<SessionMember>`
      select s.id as session, abs(extract(epoch from now() - s.last_seen_at))::float8 * 1000 as "seenAgoMs",
        abs(extract(epoch from now() - s.proved_at))::float8 * 1000 as "provedAgoMs",
        u.id, u.name, u.email, u.role, u.organisation_id as organisation
      from sessions s join users u on u.id = s.user_id
      where ${condition} and ${liveSession} and u.disabled_at is null`.execute(db),
  )

export const findSession = (db: Executor, hash: Uint8Array): Promise<SessionMember | null> =>
  sessionMember(db, sql`s.token_hash = ${Buffer.from(hash)}`)

/** The same person with the role they have now; null when the session has ended. */
export const findSessionAgain = (db: Executor, id: SessionId): Promise<SessionMember | null> =>
  sessionMember(db, sql`s.id = ${id}`)

/** By the token it had until a moment ago: what was under way when it was proven again. */
export const findFormerSession = (db: Executor, hash: Uint8Array): Promise<SessionMember | null> =>
  sessionMember(
    db,
    sql`s.former_hash = ${Buffer.from(hash)}
      and ${isLately(sql`s.proved_at`, limits.session.formerMs / 1000)}`,
  )

/** A session that was proven again goes on under another token. */
export const renewSession = async (db: Executor, id: SessionId, hash: Uint8Array): Promise<void> => {
  await sql`
    update sessions set former_hash = token_hash, token_hash = ${Buffer.from(hash)}, proved_at = now(), last_seen_at = now()
    where id = ${id}`.execute(db)
}

export const touchSession = async (db: Executor, id: SessionId): Promise<void> => {
  await sql`update sessions set last_seen_at = now() where id = ${id}`.execute(db)
}

export const deleteSession = async (db: Executor, id: SessionId): Promise<void> => {
  await sql`delete from sessions where id = ${id}`.execute(db)
}

// API tokens

export type NamedProject = { readonly id: ProjectId; readonly name: string }

export type TokenRow = {
  readonly id: TokenId
  readonly name: string
  readonly prefix: string
  readonly scopes: readonly Verb[]
  readonly projects: readonly NamedProject[] | null
  readonly createdAt: Date
  readonly expiresAt: Date
  readonly lastUsedAt: Date | null
}

/** Of a token `t`, with their names; null: it is limited to none. */
const projectsOfToken = sql`
  case when t.project_ids is not null then (
    select coalesce(json_agg(json_build_object('id', p.id, 'name', p.name) order by p.name), '[]')
    from projects p where p.id = any(t.project_ids) and p.organisation_id = t.organisation_id) end`

const tokenColumns = sql`t.id, t.name, t.prefix, t.scopes, ${projectsOfToken} as projects, t.created_at as "createdAt",
  t.expires_at as "expiresAt", t.last_used_at as "lastUsedAt"`

export type NewToken = {
  readonly id: TokenId
  readonly organisation: OrganisationId
  readonly user: UserId | null
  readonly name: string
  readonly hash: Uint8Array
  readonly prefix: string
  readonly scopes: readonly Verb[]
  readonly projects: readonly ProjectId[] | null
  readonly createdBy: string
  readonly days: number
}

export const insertToken = async (db: Executor, token: NewToken): Promise<TokenRow> => {
  const { rows } = await sql<TokenRow>`
    insert into api_tokens as t
      (id, organisation_id, user_id, name, token_hash, prefix, scopes, project_ids, created_by, created_at, expires_at)
    values (${token.id}, ${token.organisation}, ${token.user}, ${token.name}, ${Buffer.from(token.hash)},
      ${token.prefix}, ${[...token.scopes]}, ${token.projects}::text[], ${token.createdBy}, now(),
      now() + ${token.days} * interval '1 day')
    returning ${tokenColumns}`.execute(db)
  // SAFE: an insert of one row that did not throw returns it.
  return rows[0] as TokenRow
}

export type TokenMember = {
  readonly id: TokenId
  readonly name: string
  readonly scopes: readonly Verb[]
  readonly organisation: OrganisationId
  readonly user: UserId | null
  readonly role: Role | null
  readonly usedThisHour: boolean
  readonly expiresAt: Date
  readonly projects: readonly NamedProject[] | null
}

/** A token is as alive as its creator: when they are disabled, it is found no more. */
const tokenMember = (db: Executor, condition: ReturnType<typeof sql>): Promise<TokenMember | null> =>
  first(
    sql<TokenMember>`
      select t.id, t.name, t.scopes, t.organisation_id as organisation, t.user_id as user, u.role, t.expires_at as "expiresAt",
        ${projectsOfToken} as projects, coalesce(t.last_used_at >= date_trunc('hour', now()), false) as "usedThisHour"
      from api_tokens t left join users u on u.id = t.user_id and u.disabled_at is null
      where ${condition} and t.revoked_at is null and t.expires_at > now()
        and (t.user_id is null or u.id is not null)`.execute(db),
  )

export const findToken = (db: Executor, hash: Uint8Array): Promise<TokenMember | null> =>
  tokenMember(db, sql`t.token_hash = ${Buffer.from(hash)}`)

export const findTokenAgain = (db: Executor, id: TokenId): Promise<TokenMember | null> =>
  tokenMember(db, sql`t.id = ${id}`)

export const touchToken = async (db: Executor, id: TokenId): Promise<void> => {
  await sql`update api_tokens set last_used_at = date_trunc('hour', now()) where id = ${id}`.execute(db)
}

/** Whose tokens: a person's own, and the organisation's service tokens where the caller may see those. */
export type TokenOwners = {
  readonly organisation: OrganisationId
  readonly user: UserId | null
  readonly service: boolean
}

const ownedBy = (owners: TokenOwners) => sql`
  t.organisation_id = ${owners.organisation} and t.revoked_at is null
  and (t.user_id = ${owners.user} or (t.user_id is null and ${owners.service}::boolean))`

export const listTokens = async (db: Executor, owners: TokenOwners): Promise<readonly TokenRow[]> => {
  const { rows } = await sql<TokenRow>`
    select ${tokenColumns} from api_tokens t
    where ${ownedBy(owners)} and expires_at > now() - ${limits.endedTokensShownMs} * interval '1 ms'
    order by expires_at > now() desc, id desc limit ${2 * limits.tokensPerOwnerMax}`.execute(db)
  return rows
}

export const countTokens = async (db: Executor, owners: TokenOwners): Promise<number> => {
  const { rows } = await sql<{ count: number }>`
    select count(*)::int as count from api_tokens t where ${ownedBy(owners)} and expires_at > now()`.execute(
    db,
  )
  return rows[0]?.count ?? 0
}

/** When a token that nobody revoked ended by itself; null: it did not, or there is no such token. */
export const findTokenEnd = async (db: Executor, hash: Uint8Array): Promise<Date | null> => {
  const { rows } = await sql<{ end: Date }>`
    select expires_at as end from api_tokens
    where token_hash = ${Buffer.from(hash)} and revoked_at is null and expires_at <= now()`.execute(db)
  return rows[0]?.end ?? null
}

/** Those of the organisation that are called so, by id or name. */
export const findProjects = async (
  db: Executor,
  organisation: OrganisationId,
  named: readonly string[],
): Promise<readonly NamedProject[]> => {
  const { rows } = await sql<NamedProject>`
    select id, name from projects
    where organisation_id = ${organisation} and (id = any(${named}::text[]) or name = any(${named}::text[]))`.execute(
    db,
  )
  return rows
}

/** Whether there was such a token to revoke. */
export const revokeToken = (db: Executor, owners: TokenOwners, id: string): Promise<boolean> =>
  some(
    sql`update api_tokens t set revoked_at = now() where id = ${id} and ${ownedBy(owners)} returning id`.execute(
      db,
    ),
  )

// the claim

export const replaceClaim = async (db: Executor, hash: Uint8Array): Promise<void> => {
  await sql`
    insert into claims (token_hash, expires_at)
    values (${Buffer.from(hash)}, now() + ${limits.claimMs} * interval '1 ms')
    on conflict (single) do update set token_hash = excluded.token_hash, expires_at = excluded.expires_at`.execute(
    db,
  )
}

export const isClaimValid = (db: Executor, hash: Uint8Array): Promise<boolean> =>
  some(sql`select 1 from claims where token_hash = ${Buffer.from(hash)} and expires_at > now()`.execute(db))

/** Uses the link up: of two people with the same link, one gets true. */
export const takeClaim = (db: Executor, hash: Uint8Array): Promise<boolean> =>
  some(
    sql`delete from claims where token_hash = ${Buffer.from(hash)} and expires_at > now() returning single`.execute(
      db,
    ),
  )

// counters and housekeeping

/** Counts one attempt and says how many this window has seen, this one included. The first one opens a window. */
/** How many there were in this window, and when it ends. */
export const countAttempt = async (
  db: Executor,
  key: string,
): Promise<{ readonly count: number; readonly endsInSeconds: number }> => {
  const isOver = sql`not ${isLately(sql`c.window_start`, limits.attempts.windowMs / 1000)}`
  const { rows } = await sql<{ count: number; endsInSeconds: number }>`
    insert into attempt_counters as c (key, window_start, count) values (${key}, now(), 1)
    on conflict (key) do update set
      count = case when ${isOver} then 1 else c.count + 1 end,
      window_start = case when ${isOver} then now() else c.window_start end
    returning count, greatest(1, ceil(extract(epoch from window_start - now()) + ${limits.attempts.windowMs / 1000}))::int
      as "endsInSeconds"`.execute(db)
  return rows[0] ?? { count: 0, endsInSeconds: 0 }
}

/** Removes what has expired; nothing that counts is read from these rows. */
export const deleteExpired = async (db: Executor): Promise<void> => {
  await sql`delete from sessions where not (${liveSession})`.execute(db)
  await sql`delete from passkey_challenges where expires_at <= now()`.execute(db)
  await sql`delete from invitations where expires_at <= now()`.execute(db)
  await sql`delete from attempt_counters where window_start < now() - interval '1 hour'`.execute(db)
}
