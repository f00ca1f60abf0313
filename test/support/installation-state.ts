// What the database of an installation says, asked directly: patient with a database that is being killed, and never
// through the server, whose word is what is judged.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'

export type State = {
  /** null while the database does not answer. */
  readonly tryAsk: <Row extends object>(text: string) => Promise<readonly Row[] | null>
  /** Asks until it answers. */
  readonly ask: <Row extends object>(text: string) => Promise<readonly Row[]>
  readonly close: () => Promise<void>
}

const answerMs = 5_000
const patienceMs = 60_000
const againMs = 200

export const openState = (places: { readonly data: string; readonly run: string }): State => {
  const pool = new pg.Pool({
    ...{ host: join(places.run, 'pg'), user: 'mayfly', database: 'mayfly', query_timeout: answerMs, max: 1 },
    password: () => readFileSync(join(places.data, 'pg/password'), 'utf8').trim(),
    connectionTimeoutMillis: answerMs,
  })
  // It is killed on purpose.
  pool.on('error', () => {})
  const tryAsk: State['tryAsk'] = async <Row extends object>(text: string) => {
    try {
      return (await pool.query<Row & pg.QueryResultRow>(text)).rows
    } catch (error) {
      // A mistake in a statement of ours is none of the database's.
      if (/^42/.test(String((error as { code?: string }).code))) throw error
      return null
    }
  }
  return {
    tryAsk,
    ask: async <Row extends object>(text: string) => {
      const until = performance.now() + patienceMs
      for (;;) {
        const rows = await tryAsk<Row>(text)
        if (rows !== null) return rows
        if (performance.now() > until) throw new Error(`the database did not answer for ${patienceMs} ms`)
        await new Promise((resolve) => setTimeout(resolve, againMs))
      }
    },
    close: () => pool.end(),
  }
}
