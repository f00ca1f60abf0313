// Calls of hooks beyond the rate limit: nobody reads them, so they are no deliveries, but their project says how many there
// were. Counted here and written once a second for all hooks together, however many calls there are.
import { setTimeout as wait } from 'node:timers/promises'
import { sql } from 'kysely'
import { type HookId, parseId } from '../../base/ids.ts'
import type { Log } from '../../base/log.ts'
import type { Db } from '../db/database.ts'
import { limits } from '../limits.ts'

export type RefusedCalls = {
  /** `hook` as it stands in the URL, unchecked. */
  note(hook: string): void
  /** Writes what is counted and not written. */
  close(): Promise<void>
}

export const createRefusedCalls = (deps: {
  readonly db: Db
  readonly log: Log
  readonly everyMs?: number
}): RefusedCalls => {
  const { everyMs = limits.refusedCallsEveryMs } = deps
  const counted = new Map<HookId, number>()
  const closing = new AbortController()
  let writing: Promise<void> | null = null
  const writeSoon = async (): Promise<void> => {
    while (counted.size > 0) {
      await wait(everyMs, undefined, { signal: closing.signal, ref: false }).catch(() => undefined)
      const calls = [...counted]
      counted.clear()
      await write(deps.db, calls).catch((error: unknown) =>
        deps.log.warn('refused calls of hooks were not written', { error }),
      )
    }
    writing = null
  }
  return {
    note: (text) => {
      const hook = parseId('hook', text)
      if (hook === null || closing.signal.aborted) return
      // SAFE: whoever makes up addresses of hooks fills no memory; the next second has room again.
      if (!counted.has(hook) && counted.size >= limits.refusedCallsHooksMax) return
      counted.set(hook, (counted.get(hook) ?? 0) + 1)
      writing ??= writeSoon()
    },
    close: async () => {
      closing.abort()
      await writing
    },
  }
}

/** A row for a project. After a quiet day it is counted from the beginning. */
const write = async (db: Db, calls: readonly (readonly [hook: HookId, calls: number])[]): Promise<void> => {
  await sql`
    insert into refused_calls as r (project_id, calls)
    select p.id, c.calls
    from unnest(${calls.map(([hook]) => hook)}::text[], ${calls.map(([, count]) => count)}::bigint[]) as c (hook, calls)
      join projects p on p.hook_id = c.hook
    on conflict (project_id) do update set last_at = now(),
      calls = excluded.calls + case when ${isOver} then 0 else r.calls end,
      since = case when ${isOver} then now() else r.since end`.execute(db)
}

const isOver = sql`r.last_at < now() - interval '1 day'`
