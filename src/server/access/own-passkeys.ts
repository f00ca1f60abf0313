// The passkeys of somebody who is in: a further one is added, one is removed, never the last thing they sign in with. The routes
// ask for a proof that is minutes old: who finds an open browser must not be able to make it theirs.
import { sql } from 'kysely'
import { fault, isFault } from '../../base/faults.ts'
import type { UserId } from '../../base/ids.ts'
import type { Actor, Person } from './actor.ts'
import { writeAudit } from './audit.ts'
import { limits } from './limits.ts'
import type { PasskeyOptions, Passkeys } from './passkeys.ts'
import * as queries from './queries.ts'

export type PasskeyRow = {
  /** Not that of the authenticator, which may be a kilobyte. */
  readonly id: string
  readonly name: string | null
  readonly createdAt: Date
  readonly lastUsedAt: Date | null
}

export type OwnPasskeys = {
  list(actor: Actor): Promise<readonly PasskeyRow[]>
  options(actor: Actor): Promise<PasskeyOptions>
  add(actor: Actor, input: { readonly name: string; readonly passkey: unknown }): Promise<PasskeyRow>
  remove(actor: Actor, passkey: string): Promise<void>
}

type Deps = { readonly db: queries.Database; readonly passkeys: Passkeys }

export const createOwnPasskeys = (deps: Deps): OwnPasskeys => ({
  list: (actor) => listOf(deps.db, personOf(actor).user),
  options: async (actor) => {
    const person = personOf(actor)
    return deps.passkeys.startAdding(person, await ownCredentials(deps.db, person.user))
  },
  add: (actor, input) => add(deps, personOf(actor), input),
  remove: (actor, passkey) => remove(deps, personOf(actor), passkey),
})

/** The operator signs in with the machine; a token is nobody's body. */
const personOf = (actor: Actor): Person => {
  if (actor.kind !== 'user') throw fault('E_FORBIDDEN', { public: 'Only a person has passkeys' })
  return actor
}

const add = async (
  { db, passkeys }: Deps,
  person: Person,
  { name, passkey }: { readonly name: string; readonly passkey: unknown },
): Promise<PasskeyRow> => {
  // Whoever asks is in: that a passkey is refused must not look like a session that ended.
  const made = await passkeys.finishAdding(passkey).catch((error: unknown) => {
    throw isFault(error, 'E_SIGN_IN') ? refused(error) : error
  })
  if (made.user !== person.user) throw refused()
  return db.transaction().execute(async (tx) => {
    await lockPerson(tx, person.user)
    if ((await listOf(tx, person.user)).length >= limits.passkeysPerPersonMax)
      throw fault('E_CONFLICT', {
        public: `More than ${limits.passkeysPerPersonMax} passkeys: remove some first`,
      })
    await queries.insertPasskey(tx, { ...made.passkey, user: person.user, name })
    const row = (await listOf(tx, person.user)).at(-1)
    if (row === undefined) throw new Error('a passkey that was just made is not there')
    await writeAudit(tx, person, { action: 'passkey.add', target: row.id, result: 'ok' })
    return row
  })
}

const refused = (cause?: unknown) => fault('E_INPUT', { public: 'The passkey was not accepted', cause })

const remove = async ({ db }: Deps, person: Person, passkey: string): Promise<void> => {
  await db.transaction().execute(async (tx) => {
    // Of two that are removed at once, the second sees that it would be the last.
    const { hasPassword } = await lockPerson(tx, person.user)
    const own = await listOf(tx, person.user)
    if (!own.some(({ id }) => id === passkey)) throw fault('E_NOT_FOUND')
    if (own.length === 1 && !hasPassword)
      throw fault('E_CONFLICT', { public: 'This is all you sign in with: add another passkey first' })
    await sql`delete from passkeys where user_id = ${person.user} and ${publicId} = ${passkey}`.execute(tx)
    await writeAudit(tx, person, { action: 'passkey.remove', target: passkey, result: 'ok' })
  })
}

const lockPerson = async (tx: queries.Executor, user: UserId): Promise<{ readonly hasPassword: boolean }> => {
  const { rows } = await sql<{ hasPassword: boolean }>`
    select exists (select 1 from passwords p where p.user_id = u.id) as "hasPassword"
    from users u where u.id = ${user} for update of u`.execute(tx)
  return { hasPassword: rows[0]?.hasPassword ?? false }
}

const publicId = sql`substr(encode(sha256(convert_to(id, 'UTF8')), 'hex'), 1, 32)`

const listOf = async (db: queries.Executor, user: UserId): Promise<readonly PasskeyRow[]> => {
  const { rows } = await sql<PasskeyRow>`
    select ${publicId} as id, name, created_at as "createdAt", last_used_at as "lastUsedAt" from passkeys
    where user_id = ${user} order by created_at, id`.execute(db)
  return rows
}

/** As authenticators name them. */
export const ownCredentials = async (db: queries.Executor, user: UserId): Promise<readonly string[]> => {
  const { rows } = await sql<{ id: string }>`select id from passkeys where user_id = ${user}`.execute(db)
  return rows.map(({ id }) => id)
}
