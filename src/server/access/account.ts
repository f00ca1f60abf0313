// What somebody keeps on the server for their own pages: how times are written, whether single letters are keys, the views of
// the list of runs they saved; and where they last came from. Only of who asks: there is no way to somebody else's.
import { sql } from 'kysely'
import { fault } from '../../base/faults.ts'
import type { UserId } from '../../base/ids.ts'
import type { NewId } from '../new-id.ts'
import type { Actor, Person } from './actor.ts'
import { limits } from './limits.ts'
import type { Database, Executor } from './queries.ts'

export type Preferences = {
  /** A name of the IANA list; null: that of the browser. */
  readonly timeZone: string | null
  /** null: as the language writes it. */
  readonly clockHours: 12 | 24 | null
  readonly letterKeys: boolean
}

export type SignInFacts = {
  readonly at: string
  readonly how: string
  readonly browser: string | null
  readonly address: string
}

export type RunView = { readonly id: string; readonly name: string; readonly query: string }

export type Account = {
  preferences(actor: Actor): Promise<Preferences>
  /** `expect` is shown what stands there before it changes. */
  setPreferences(
    actor: Actor,
    wanted: { readonly [K in keyof Preferences]?: Preferences[K] | undefined },
    expect: (current: Preferences) => void,
  ): Promise<Preferences>
  /** What came before the session that asks; null: it was the first. */
  lastSignIn(person: Person): Promise<SignInFacts | null>
  views(actor: Actor): Promise<readonly RunView[]>
  /** One of the same name is replaced. */
  saveView(actor: Actor, view: { readonly name: string; readonly query: string }): Promise<RunView>
  removeView(actor: Actor, view: string): Promise<void>
}

type Deps = { readonly db: Database; readonly newId: NewId }

export const createAccount = ({ db, newId }: Deps): Account => ({
  preferences: (actor) => preferencesOf(db, userOf(actor)),
  setPreferences: (actor, wanted, expect) => setPreferences(db, userOf(actor), { wanted, expect }),
  lastSignIn: async ({ session }) => {
    const { rows } = await sql<{ facts: SignInFacts | null }>`
      select came_after as facts from sessions where id = ${session}`.execute(db)
    return rows[0]?.facts ?? null
  },
  views: (actor) => viewsOf(db, userOf(actor)),
  saveView: (actor, { name, query }) => {
    const user = userOf(actor)
    return db.transaction().execute(async (tx) => {
      await sql`select 1 from users where id = ${user} for update`.execute(tx)
      const others = (await viewsOf(tx, user)).filter((view) => view.name !== name)
      if (others.length >= limits.viewsPerPersonMax)
        throw fault('E_CONFLICT', {
          public: `More than ${limits.viewsPerPersonMax} views: remove some first`,
        })
      const { rows } = await sql<RunView>`
        insert into run_views (id, user_id, name, query) values (${newId('view')}, ${user}, ${name}, ${query})
        on conflict (user_id, name) do update set query = excluded.query returning id, name, query`.execute(
        tx,
      )
      if (rows[0] === undefined) throw new Error('a view that was just saved is not there')
      return rows[0]
    })
  },
  removeView: async (actor, view) => {
    const { rows } = await sql`
      delete from run_views where id = ${view} and user_id = ${userOf(actor)} returning 1`.execute(db)
    if (rows.length === 0) throw fault('E_NOT_FOUND', { public: 'No such view' })
  },
})

const userOf = (actor: Actor): UserId => {
  if (actor.kind !== 'user') throw fault('E_FORBIDDEN', { public: 'Only a person has an account' })
  return actor.user
}

const viewsOf = async (db: Executor, user: UserId): Promise<readonly RunView[]> => {
  const { rows } = await sql<RunView>`
    select id, name, query from run_views where user_id = ${user} order by lower(name), id`.execute(db)
  return rows
}

const preferencesOf = async (db: Executor, user: UserId, isHeld = false): Promise<Preferences> => {
  const { rows } = await sql<Preferences>`
    select time_zone as "timeZone", clock_hours as "clockHours", letter_keys as "letterKeys" from users
    where id = ${user} ${isHeld ? sql`for update` : sql``}`.execute(db)
  if (rows[0] === undefined) throw fault('E_UNAUTHENTICATED')
  return rows[0]
}

const setPreferences = (
  db: Database,
  user: UserId,
  {
    wanted,
    expect,
  }: {
    readonly wanted: { readonly [K in keyof Preferences]?: Preferences[K] | undefined }
    readonly expect: (current: Preferences) => void
  },
): Promise<Preferences> =>
  db.transaction().execute(async (tx) => {
    const current = await preferencesOf(tx, user, true)
    expect(current)
    const next: Preferences = {
      timeZone: wanted.timeZone === undefined ? current.timeZone : zoneNamed(wanted.timeZone),
      clockHours: wanted.clockHours === undefined ? current.clockHours : wanted.clockHours,
      letterKeys: wanted.letterKeys ?? current.letterKeys,
    }
    await sql`
      update users set time_zone = ${next.timeZone}, clock_hours = ${next.clockHours}, letter_keys = ${next.letterKeys}
      where id = ${user}`.execute(tx)
    return next
  })

/** As this program's own list has it: browsers have the same. */
const zoneNamed = (name: string | null): string | null => {
  if (name === null) return null
  try {
    new Intl.DateTimeFormat('en', { timeZone: name })
    return name
  } catch {
    throw fault('E_INPUT', { public: 'time_zone is not a name of the IANA list, such as Europe/Vienna' })
  }
}
