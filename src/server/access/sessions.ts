// Browser sessions: 256 random bits in a cookie, their SHA-256 in the database, 12 hours idle, 7 days in all. A new one
// is made at every sign-in, and the browser's older one ends.
import type { RandomBytes } from '../../base/clock.ts'
import type { SessionId, UserId } from '../../base/ids.ts'
import type { Secret } from '../../base/secret.ts'
import type { NewId } from '../new-id.ts'
import { type Person, scopeOfOrganisation } from './actor.ts'
import { writeAudit } from './audit.ts'
import { hashOf, randomText } from './hashed.ts'
import { limits } from './limits.ts'
import * as queries from './queries.ts'

const sessionBytes = 32
const cookieForm = /^[A-Za-z0-9_-]{43}$/

export type OpenedSession = { readonly token: Secret<string>; readonly person: Person }

export type Sessions = {
  /** Runs in the caller's transaction. `replaces`: the cookie the browser came with, whatever it says. */
  open(
    tx: queries.Executor,
    user: UserId,
    options: { how: string; replaces: string | null },
  ): Promise<OpenedSession>
  findByCookie(cookie: string): Promise<Person | null>
  findAgain(id: SessionId): Promise<Person | null>
  end(person: Person): Promise<void>
}

export type SessionDeps = {
  readonly db: queries.Database
  readonly randomBytes: RandomBytes
  readonly newId: NewId
}

export const createSessions = (
  deps: SessionDeps & { readonly tellEnded: (id: SessionId) => void },
): Sessions => ({
  open: async (tx, user, { how, replaces }) => {
    const token = randomText(deps.randomBytes, sessionBytes)
    const hash = hashOf(token.reveal('to store its hash'))
    if (replaces !== null) await endReplaced(tx, replaces)
    await queries.insertSession(tx, { id: deps.newId('session'), hash, user })
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
  findByCookie: async (cookie) => {
    if (!cookieForm.test(cookie)) return null
    const member = await queries.findSession(deps.db, hashOf(cookie))
    if (member !== null && member.seenAgoMs > limits.session.touchEveryMs)
      await queries.touchSession(deps.db, member.session)
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
})

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
        scope: scopeOfOrganisation(member.organisation),
      }
