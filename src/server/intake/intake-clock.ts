// What happens because of the time: scheduled runs, looks at source hosts, approvals that nobody gave. Every server has such a clock; the database
// decides which of them does what, so each thing is begun once. One small question at each look, whatever there is.
import { sql } from 'kysely'
import type { Log } from '../../base/log.ts'
import type { Db } from '../db/database.ts'
import { limits } from '../limits.ts'
import type { NewId } from '../new-id.ts'
import { expireApprovals, isHoldOver } from '../runs/expire-approvals.ts'
import { fireDueSchedules, isScheduleDue } from '../schedules/fire.ts'
import { isLookDue, queueDuePolls } from './polls.ts'

export type IntakeClock = { close(): Promise<void> }

type Deps = { readonly db: Db; readonly newId: NewId; readonly log: Log }

export const openIntakeClock = (deps: Deps): IntakeClock => {
  let pass: Promise<void> = Promise.resolve()
  let isClosed = false
  const look = async () => {
    await beginDue(deps)
    if (!isClosed) timer = setTimeout(begin, limits.intakeClockMs)
  }
  const begin = () => {
    pass = look()
  }
  let timer = setTimeout(begin, limits.intakeClockMs)
  return {
    close: async () => {
      isClosed = true
      clearTimeout(timer)
      await pass
    },
  }
}

/** Never rejects: what could not be begun is due at the next look, too. */
const beginDue = async (deps: Deps): Promise<void> => {
  const attempt = async (work: () => Promise<unknown>) => {
    try {
      await work()
    } catch (error) {
      deps.log.warn('what is due was not begun', { error })
    }
  }
  await attempt(async () => {
    const { rows } = await sql<{ schedules: boolean; polls: boolean; holds: boolean }>`
      select exists (select 1 from schedules s where ${isScheduleDue}) as schedules,
        exists (select 1 from projects where ${isLookDue}) as polls,
        exists (select 1 from jobs where ${isHoldOver}) as holds`.execute(deps.db)
    if (rows[0]?.schedules) await attempt(() => fireDueSchedules(deps))
    if (rows[0]?.polls) await attempt(() => queueDuePolls(deps))
    if (rows[0]?.holds) await attempt(() => expireApprovals(deps))
  })
}
