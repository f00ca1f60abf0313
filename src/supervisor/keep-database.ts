// PostgreSQL kept running: when it ends by itself it is started again, and again, until it answers or we stop.
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
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
  /** Aborted when the person wants all of it to stop, also while it is being started. */
  readonly signal: AbortSignal
}): Promise<{ close(): Promise<void> }> => {
  const { layout, owner, log, randomBytes, roster } = deps
  const closing = new AbortController()
  const signal = AbortSignal.any([deps.signal, closing.signal])
  const open = async () => {
    const database = await openPostgres({
      dataDir: join(layout.data, 'pg'),
      socketDir: layout.databaseSocketDir,
      ...{ owner, log: log.child({ part: 'database' }), randomBytes, signal },
    })
    roster.note('database', { pid: database.pid, state: 'running' })
    return database
  }
  const state: { current: Postgres; over: Promise<void> } = {
    current: await open(),
    over: Promise.resolve(),
  }
  const again = async (): Promise<void> => {
    if (signal.aborted) return
    log.warn('database ended, starting it again')
    roster.note('database', { pid: null, state: 'starting' })
    while (!signal.aborted) {
      const next = await open().catch((error) => log.error('database did not start', { error }))
      if (next !== undefined) {
        state.current = next
        return watch()
      }
      await sleep(againMs, undefined, { signal }).catch(() => undefined)
    }
  }
  const watch = (): void => {
    state.over = state.current.ended.then(again)
  }
  watch()
  return {
    close: async () => {
      closing.abort()
      await state.current.close()
      await state.over
      // One that was ready in the same moment.
      await state.current.close()
    },
  }
}
