// PostgreSQL kept running: when it ends by itself it is started again, and again, until it answers or we stop.
import { join } from 'node:path'
import type { RandomBytes } from '../base/clock.ts'
import type { Log } from '../base/log.ts'
import type { Layout } from './layout.ts'
import { type Owner, openPostgres, type Postgres } from './postgres.ts'
import type { RosterWriter } from './roster.ts'

const againMs = 1000

export const keepDatabase = async (deps: {
  readonly layout: Layout
  readonly owner: Owner | null
  readonly log: Log
  readonly randomBytes: RandomBytes
  readonly roster: RosterWriter
}): Promise<{ close(): Promise<void> }> => {
  const { layout, owner, log, randomBytes, roster } = deps
  const open = async () => {
    const database = await openPostgres({
      dataDir: join(layout.data, 'pg'),
      socketDir: layout.databaseSocketDir,
      ...{ owner, log: log.child({ part: 'database' }), randomBytes },
    })
    roster.note('database', { pid: database.pid, state: 'running' })
    return database
  }
  const state: { current: Postgres; closing: boolean } = { current: await open(), closing: false }
  const watch = (): void => {
    void state.current.ended.then(async () => {
      if (state.closing) return
      log.warn('database ended, starting it again')
      roster.note('database', { pid: null, state: 'starting' })
      while (!state.closing) {
        const next = await open().catch((error) => log.error('database did not start', { error }))
        if (next !== undefined) {
          state.current = next
          return state.closing ? next.close() : watch()
        }
        await new Promise((resolve) => setTimeout(resolve, againMs))
      }
    })
  }
  watch()
  return {
    close: async () => {
      state.closing = true
      await state.current.close()
    },
  }
}
