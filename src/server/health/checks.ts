// What the status page and `doctor` ask: does each part answer, is anything weaker than it could be, and what mends it.
// Never throws: a question that fails or is late is itself an answer.
import { sql } from 'kysely'
import type { SystemStatus } from '../../protocol/api/shapes.ts'
import type { Executor } from '../access/queries.ts'
import { limits } from '../limits.ts'
import type { Runners } from '../use-cases.ts'

export type Component = SystemStatus['components'][number]

/** Looks at one part of the installation; never throws. */
export type Check = () => Promise<Component>

/** `mend` may be left out where nothing is to be done. */
export type Finding = Omit<Component, 'name' | 'mend'> & { readonly mend?: string }

const inTime = async <T>(work: Promise<T>): Promise<T> => {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('late')), limits.healthMs)
  })
  return Promise.race([work, late]).finally(() => clearTimeout(timer))
}

/** `otherwise` is for what does not answer, fails or is late. */
export const orElse = <T, O>(work: () => Promise<T>, otherwise: O): Promise<T | O> =>
  inTime(Promise.resolve().then(work)).catch(() => otherwise)

export const check =
  (name: string, ask: () => Promise<Finding>, mendIfSilent: string | null = null): Check =>
  async () => {
    const silent = { status: 'down', detail: 'does not answer', mend: mendIfSilent } as const
    return { name, mend: null, ...(await orElse(ask, silent)) }
  }

export const databaseCheck = (db: Executor): Check =>
  check('database', async () => {
    const { rows } = await sql<{
      version: string
    }>`select current_setting('server_version') as version`.execute(db)
    return { status: 'ok', detail: `PostgreSQL ${rows[0]?.version}` }
  })

export const vaultCheck = (vault: { health(): Promise<{ readonly sealed: boolean }> }): Check =>
  check('vault', async () => {
    const { sealed } = await vault.health()
    return sealed
      ? { status: 'down', detail: 'is sealed', mend: 'mayfly restart' }
      : { status: 'ok', detail: 'is open' }
  })

export const runnersCheck = (runners: Pick<Runners, 'list'>): Check =>
  check('runners', async () => {
    const { items } = await runners.list()
    const online = items.filter((runner) => runner.status === 'online')
    const count = `${online.length} of ${items.length} online`
    if (online.length === 0) return { status: 'down', detail: count, mend: 'mayfly restart' }
    const weak = online.flatMap(({ name, facts }) => wordsOf(facts?.weak).map((words) => `${name}: ${words}`))
    const tiers = [...new Set(online.map(({ facts }) => `${facts?.driver}, tier ${facts?.tier}`))]
    const detail = [count, ...tiers, ...weak].join('; ')
    return weak.length === 0
      ? { status: 'ok', detail }
      : { status: 'weak', detail, mend: 'mayfly doctor, on that runner' }
  })

/** A password alone is one stolen secret away from everything its owner may. */
export const signInCheck = (db: Executor): Check =>
  check('sign-in', async () => {
    const { rows } = await sql<{ owners: number; weak: number }>`
      select count(*) as owners,
        count(*) filter (where not exists (select 1 from passkeys k where k.user_id = u.id)) as weak
      from users u where role = 'owner' and disabled_at is null`.execute(db)
    const { owners = 0, weak = 0 } = rows[0] ?? {}
    if (weak === 0) return { status: 'ok', detail: `${owners} of ${owners} owners have a passkey` }
    const mend = 'add a passkey on the page /settings/passkeys'
    return { status: 'weak', detail: `${weak} of ${owners} owners sign in with a password alone`, mend }
  })

/** What a runner said of itself, as it is stored. */
const wordsOf = (value: unknown): readonly string[] =>
  Array.isArray(value) ? value.filter((word) => typeof word === 'string') : []
