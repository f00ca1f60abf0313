// What becomes of a running fleet when parts of it are killed: the server, which all followers then come back to at once, the database,
// and a third of the runners for good. The runners that are left and the queue carry on by themselves.
import { setTimeout as sleep } from 'node:timers/promises'
import { processesNaming } from '../../test/support/leftovers.ts'
import { startClock } from '../clock.ts'
import type { Control, Fleet } from './control.ts'
import { openFollowers } from './followers.ts'

export type Recovery = {
  /** By the clock of this machine, which the database tells the time by. */
  readonly runnersKilledAt: number
  /** From kill -9 until the API answers from the database again. */
  readonly databaseBackMs: number
  readonly serverBackMs: number
  /** From there until all followers were connected again and had heard of their logs. */
  readonly followersBackMs: number
  readonly followers: number
}

const askEveryMs = 20
const followersMax = 1_000
const backDeadlineMs = 60_000

export const killAndRecover = async (control: Control, fleets: readonly Fleet[]): Promise<Recovery> => {
  const followers = await openFollowers(control, followersMax)
  try {
    const serverBackMs = await killUntilBack(control, /\/node .*\/server\.js/)
    const followersBackMs = await followers.comeBack()
    const databaseBackMs = await killUntilBack(control, /\/postgres -D /)
    // Last: a server that is started anew gives every lease its full time.
    const runnersKilledAt = Date.now()
    fleets[0]?.kill()
    return {
      ...{ runnersKilledAt, serverBackMs, followersBackMs, databaseBackMs },
      followers: followers.count,
    }
  } finally {
    followers.close()
  }
}

const killUntilBack = async ({ installation, call, replica }: Control, program: RegExp): Promise<number> => {
  const victim = processesNaming([installation.data]).find(
    ({ line, pid }) => program.test(line) && pid !== replica?.pid,
  )
  if (victim === undefined) throw new Error(`no process ${program}`)
  process.kill(victim.pid, 'SIGKILL')
  const elapsed = startClock()
  // What was on its way is answered or refused; from then on an answer is one of the new process.
  await sleep(askEveryMs)
  for (;;) {
    const isBack = await call('GET', '/api/v1/projects?limit=1').then(
      () => true,
      () => false,
    )
    if (isBack) return elapsed()
    if (elapsed() > backDeadlineMs) throw new Error(`${program} did not come back`)
    await sleep(askEveryMs)
  }
}

/** How long after the kill the last of the attempts that were lost with it had one in its place in the queue; null: none was lost. */
export const queuedAgainMs = async (
  { state }: Control,
  { runnersKilledAt }: Recovery,
): Promise<number | null> => {
  const [row] = await state.ask<{ at: string | null }>(`
    select max(extract(epoch from b.queued_at)) * 1000 as at from attempts a
    join attempts b on b.job_id = a.job_id and b.number = a.number + 1
    where a.failure_code = 'E_LEASE_LOST' and extract(epoch from a.finished_at) * 1000 > ${runnersKilledAt}`)
  return row?.at == null ? null : Number(row.at) - runnersKilledAt
}
