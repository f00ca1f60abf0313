// What /api/v1/status and `doctor` ask: does each part answer, and is anything weaker than it could be. Never throws.
import { sql } from 'kysely'
import type { Executor } from './access/queries.ts'
import type { Check, Component } from './http/handlers/system.ts'
import type { Runners } from './use-cases.ts'

const deadlineMs = 3_000

/** `ask` gives a sentence; a failure or a late answer is `down`. */
const check =
  (name: string, ask: () => Promise<Omit<Component, 'name'>>): Check =>
  async () => {
    const late = new Promise<never>((_, reject) => {
      setTimeout(() => reject(new Error('late')), deadlineMs).unref()
    })
    try {
      return { name, ...(await Promise.race([ask(), late])) }
    } catch {
      return { name, status: 'down', detail: 'does not answer' }
    }
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
    return sealed ? { status: 'down', detail: 'is sealed' } : { status: 'ok', detail: 'is open' }
  })

export const runnersCheck = (runners: Pick<Runners, 'list'>): Check =>
  check('runners', async () => {
    const { items } = await runners.list()
    const online = items.filter((runner) => runner.status === 'online')
    const count = `${online.length} of ${items.length} online`
    if (online.length === 0) return { status: 'down', detail: count }
    const weak = online.flatMap(({ name, facts }) => wordsOf(facts?.weak).map((words) => `${name}: ${words}`))
    const tiers = [...new Set(online.map(({ facts }) => `${facts?.driver}, tier ${facts?.tier}`))]
    return { status: weak.length === 0 ? 'ok' : 'weak', detail: [count, ...tiers, ...weak].join('; ') }
  })

/** What a runner said of itself, as it is stored. */
const wordsOf = (value: unknown): readonly string[] =>
  Array.isArray(value) ? value.filter((word) => typeof word === 'string') : []
