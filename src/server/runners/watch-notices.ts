// A log that somebody watches has its runner told at once, wherever its held poll waits. A follower may be at one server and the
// runner at another: servers tell each other what is watched, while there may be several, and say it again from time to time
// (docs/decisions/0086). Opened with the doors for runners.
import { sql } from 'kysely'
import { type AttemptId, parseId, type RunnerId } from '../../base/ids.ts'
import type { Log } from '../../base/log.ts'
import type { Bells } from '../db/bells.ts'
import type { Database, Db } from '../db/database.ts'
import { sendSql } from '../db/notify.ts'
import { mayOthersListen } from '../db/tell.ts'
import { limits } from '../limits.ts'
import type { Watchers } from '../logs/watchers.ts'
import type { Granted } from './granted.ts'

type Deps = {
  readonly database: Database
  readonly watchers: Watchers
  readonly granted: Granted
  readonly leaseBells: Bells
  readonly log: Log
}

/** Returns how to stop. */
export const openWatchNotices = ({ database, watchers, granted, leaseBells, log }: Deps): (() => void) => {
  const { db } = database
  const warn = (error: unknown) => log.warn('runner not told about a watcher', { error })
  const stops = [
    watchers.onChange((attempt) => {
      if (!watchers.isWatchedHere(attempt)) return
      const lease = granted.of(attempt)
      if (lease !== null) leaseBells.ring(lease.runner)
      // The runner that has its lease from here may wait elsewhere by now.
      if (lease === null || mayOthersListen(db)) tellRunner(db, attempt, leaseBells).catch(warn)
    }),
    database.listen('mayfly_watch', (payload) => {
      const { attempts, runner } = parseNotice(payload ?? '')
      for (const attempt of attempts) watchers.noteElsewhere(attempt)
      if (runner !== null) leaseBells.ring(runner)
    }),
  ]
  const timer = setInterval(() => {
    sayAgain(db, watchers.here()).catch(warn)
  }, limits.watchedElsewhere.sayEveryMs)
  timer.unref()
  return () => {
    clearInterval(timer)
    for (const stop of stops) stop()
  }
}

/** The runner that has it, if one has, looks again: its held poll answers with who watches. */
const tellRunner = async (db: Db, attempt: AttemptId, leaseBells: Bells): Promise<void> => {
  const { rows } = await sql<{ runner: RunnerId | null }>`
    select runner_id as runner, ${sendSql(db, sql`'mayfly_watch'`, sql`concat_ws(' ', id, runner_id)`)} from attempts
    where id = ${attempt} and status in ('queued', 'running')`.execute(db)
  for (const { runner } of rows) if (runner !== null) leaseBells.ring(runner)
}

/** A server that came later, or lost a notice, hears of them now. */
const sayAgain = async (db: Db, attempts: readonly AttemptId[]): Promise<void> => {
  if (attempts.length === 0 || !mayOthersListen(db)) return
  const { idsPerNotice } = limits.watchedElsewhere
  const payloads = Array.from({ length: Math.ceil(attempts.length / idsPerNotice) }, (_, i) =>
    attempts.slice(i * idsPerNotice, (i + 1) * idsPerNotice).join(' '),
  )
  await sql`select pg_notify('mayfly_watch', payload) from unnest(${payloads}::text[]) as payload`.execute(db)
}

const parseNotice = (payload: string) => {
  const words = payload.split(' ')
  return {
    attempts: words.flatMap((word) => parseId('attempt', word) ?? []),
    runner: words.map((word) => parseId('runner', word)).find((id) => id !== null) ?? null,
  }
}
