// Somebody who is in proves anew that it is them, before what a browser that was left open must not do (`provenAnew` of a route).
// By a passkey of theirs, or by the password where they have one: what signs them in proves them. The session goes on under another token.
import { sql } from 'kysely'
import { catalogue, fault, isFault } from '../../base/faults.ts'
import type { UserId } from '../../base/ids.ts'
import { Secret } from '../../base/secret.ts'
import type { Actor, Person } from './actor.ts'
import { countChallengeFrom, countSignInFrom, countSignInTo } from './attempts.ts'
import { writeAudit } from './audit.ts'
import { ownCredentials } from './own-passkeys.ts'
import type { PasskeyOptions, Passkeys } from './passkeys.ts'
import type { Passwords } from './password.ts'
import type * as queries from './queries.ts'
import type { OpenedSession, Sessions } from './sessions.ts'
import type { Visit } from './visit.ts'

export type Proof = {
  /** What somebody can prove it with; `passkey` null: they have none. */
  start(
    actor: Actor,
    visit: Visit,
  ): Promise<{
    readonly passkey: { readonly challenge: string; readonly options: PasskeyOptions } | null
    readonly password: boolean
  }>
  finish(actor: Actor, given: GivenProof, visit: Visit): Promise<OpenedSession>
}

export type GivenProof =
  | { readonly password: string }
  | { readonly challenge: string; readonly passkey: Record<string, unknown> }

type Deps = {
  readonly db: queries.Database
  readonly passwords: Passwords
  readonly passkeys: Passkeys
  readonly sessions: Sessions
}

export const createProof = (deps: Deps): Proof => ({
  start: async (actor, visit) => {
    const { user } = personOf(actor)
    await countChallengeFrom(deps.db, visit.address)
    const known = await ownCredentials(deps.db, user)
    return {
      passkey: known.length === 0 ? null : await deps.passkeys.startProof(user, known),
      password: (await passwordOf(deps.db, user)) !== null,
    }
  },
  finish: (actor, given, visit) => finish(deps, personOf(actor), given, visit),
})

const personOf = (actor: Actor): Person => {
  if (actor.kind !== 'user') throw fault('E_FORBIDDEN', { public: 'Only a person proves who they are' })
  return actor
}

const finish = async (
  deps: Deps,
  person: Person,
  given: GivenProof,
  visit: Visit,
): Promise<OpenedSession> => {
  const how = 'password' in given ? 'password' : 'passkey'
  try {
    await countSignInFrom(deps.db, visit.address)
    if ('password' in given) await checkPassword(deps, person, new Secret(given.password))
    else await deps.passkeys.finishProof(person.user, given.challenge, given.passkey)
  } catch (error) {
    if (!isFault(error, 'E_SIGN_IN')) throw error
    await writeAudit(deps.db, person, {
      ...{ action: 'session.prove', target: person.session, result: 'denied' },
      ...{ code: catalogue.E_SIGN_IN.number, facts: { how } },
    })
    // Whoever asks is in: that it was not accepted must not look like a session that ended.
    throw fault('E_INPUT', { public: `The ${how} was not accepted`, cause: error })
  }
  return deps.db.transaction().execute((tx) => deps.sessions.renew(tx, person, how))
}

const checkPassword = async (deps: Deps, person: Person, password: Secret<string>): Promise<void> => {
  await countSignInTo(deps.db, person.email)
  if (!(await deps.passwords.isRight(password, await passwordOf(deps.db, person.user))))
    throw fault('E_SIGN_IN')
}

const passwordOf = async (db: queries.Executor, user: UserId): Promise<string | null> => {
  const { rows } = await sql<{ hash: string }>`select hash from passwords where user_id = ${user}`.execute(db)
  return rows[0]?.hash ?? null
}
