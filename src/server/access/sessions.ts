// Browser sessions: 256 random bits in a cookie, their SHA-256 in the database, 12 hours idle, 7 days in all. A new one
// is made at every sign-in, and the browser's older one ends. People see and end their own; the operator all of them.
import type { RandomBytes } from '../../base/clock.ts'
import { fault } from '../../base/faults.ts'
import type { SessionId, UserId } from '../../base/ids.ts'
import type { Secret } from '../../base/secret.ts'
import type { NewId } from '../new-id.ts'
import { type Actor, type Person, scopeOfOrganisation } from './actor.ts'
import { writeAudit } from './audit.ts'
import { hashOf, randomText } from './hashed.ts'
import { limits } from './limits.ts'
import { endSessions, listSessions, type SessionOwners, type SessionRow } from './member-queries.ts'
import { networkOf } from './network.ts'
import * as queries from './queries.ts'
import type { Visit } from './visit.ts'

const sessionBytes = 32
const cookieForm = /^[A-Za-z0-9_-]{43}$/

export type OpenedSession = { readonly token: Secret<string>; readonly person: Person }

export type Sessions = {
  /** Runs in the caller's transaction. The session of the cookie that the browser came with, whatever it says, ends. */
  open(tx: queries.Executor, user: UserId, options: { how: string; visit: Visit }): Promise<OpenedSession>
  /** The same session under another token, proven now. Runs in the caller's transaction. */
  renew(tx: queries.Executor, person: Person, how: string): Promise<OpenedSession>
  findByCookie(cookie: string): Promise<Person | null>
  findAgain(id: SessionId): Promise<Person | null>
  end(person: Person): Promise<void>
  list(actor: Actor): Promise<readonly SessionRow[]>
  /** One of those that `list` gives. */
  endOne(actor: Actor, session: string): Promise<void>
  /** All of those; `keepThis` leaves the one that asks. Answers how many ended. */
  endAll(actor: Actor, options: { keepThis: boolean }): Promise<number>
}

export type SessionDeps = {
  readonly db: queries.Database
  readonly keyed: queries.Database
  readonly randomBytes: RandomBytes
  readonly newId: NewId
}

export const createSessions = (
  deps: SessionDeps & { readonly tellEnded: (id: SessionId) => void },
): Sessions => ({
  open: async (tx, user, { how, visit: { cookie: replaces, browser, address } }) => {
    const token = randomText(deps.randomBytes, sessionBytes)
    const hash = hashOf(token.reveal('to store its hash'))
    if (replaces !== null) await endReplaced(tx, replaces)
    await queries.requireEnabled(tx, user)
    await queries.insertSession(tx, {
      id: deps.newId('session'),
      hash,
      user,
      how,
      browser,
      address: networkOf(address),
    })
    const person = personOf(await queries.findSession(tx, hash))
    if (person === null) throw new Error('a session that was just made is not there')
    await writeAudit(tx, person, {
      action: 'session.start',
      target: person.session,
      result: 'ok',
      facts: { how },
    })
    return { token, person }
  },
  renew: async (tx, { session }, how) => {
    const token = randomText(deps.randomBytes, sessionBytes)
    const hash = hashOf(token.reveal('to store its hash'))
    await queries.renewSession(tx, session, hash)
    const person = personOf(await queries.findSession(tx, hash))
    if (person === null) throw fault('E_UNAUTHENTICATED')
    await writeAudit(tx, person, { action: 'session.prove', target: session, result: 'ok', facts: { how } })
    return { token, person }
  },
  findByCookie: async (cookie) => {
    if (!cookieForm.test(cookie)) return null
    const hash = hashOf(cookie)
    const member = await queries.findSession(deps.keyed, hash)
    if (member === null) return formerly(await queries.findFormerSession(deps.keyed, hash))
    if (member.seenAgoMs > limits.session.touchEveryMs) await queries.touchSession(deps.db, member.session)
    return personOf(member)
  },
  findAgain: async (id) => personOf(await queries.findSessionAgain(deps.db, id)),
  end: async (person) => {
    await deps.db.transaction().execute(async (tx) => {
      await queries.deleteSession(tx, person.session)
      await writeAudit(tx, person, { action: 'session.end', target: person.session, result: 'ok' })
    })
    deps.tellEnded(person.session)
  },
  list: (actor) => listSessions(deps.db, ownersOf(actor)),
  endOne: async (actor, session) => {
    if ((await endThem(deps, actor, { only: session, except: null })) === 0) throw fault('E_NOT_FOUND')
  },
  endAll: (actor, { keepThis }) =>
    endThem(deps, actor, { only: null, except: keepThis && actor.kind === 'user' ? actor.session : null }),
})

/** A token has none: the routes let only people and the operator through. */
const ownersOf = (actor: Actor): SessionOwners => ({
  organisation: actor.scope.organisation,
  user: actor.kind === 'operator' ? null : (actor.user ?? neverAUser),
})
// SAFE: no id looks like this, so it owns nothing.
const neverAUser = '-' as UserId

const endThem = async (
  deps: SessionDeps & { readonly tellEnded: (id: SessionId) => void },
  actor: Actor,
  which: Parameters<typeof endSessions>[2],
): Promise<number> => {
  const ended = await deps.db.transaction().execute(async (tx) => {
    const ids = await endSessions(tx, ownersOf(actor), which)
    for (const id of ids) await writeAudit(tx, actor, { action: 'session.end', target: id, result: 'ok' })
    return ids
  })
  for (const id of ended) deps.tellEnded(id)
  return ended.length
}

/** Whoever comes with the older token goes on, and has proven nothing. */
const formerly = (member: queries.SessionMember | null): Person | null => {
  const person = personOf(member)
  return person === null ? null : { ...person, provedAgoMs: Number.POSITIVE_INFINITY }
}

const endReplaced = async (tx: queries.Executor, cookie: string): Promise<void> => {
  const older = await queries.findSession(tx, hashOf(cookie))
  if (older !== null) await queries.deleteSession(tx, older.session)
}

const personOf = (member: queries.SessionMember | null): Person | null =>
  member === null
    ? null
    : {
        kind: 'user',
        user: member.id,
        session: member.session,
        name: member.name,
        email: member.email,
        role: member.role,
        provedAgoMs: member.provedAgoMs,
        scope: scopeOfOrganisation(member.organisation),
      }
