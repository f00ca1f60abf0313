// What begins because of the time: looks at source hosts. Every server has one; the database
// decides which of them does what, so each thing is begun once.
import type { Log } from '../../base/log.ts'
import type { Db } from '../db/database.ts'
import { limits } from '../limits.ts'
import type { NewId } from '../new-id.ts'
import { queueDuePolls } from './polls.ts'

export type IntakeClock = { close(): Promise<void> }

export const openIntakeClock = (deps: {
  readonly db: Db
  readonly newId: NewId
  readonly log: Log
}): IntakeClock => {
  let pass: Promise<void> = Promise.resolve()
  let isClosed = false
  const look = async () => {
    try {
      await queueDuePolls(deps)
    } catch (error) {
      deps.log.warn('what is due was not begun', { error })
    }
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
