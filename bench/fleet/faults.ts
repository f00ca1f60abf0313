// What becomes of a running fleet when parts of it are killed: a third of the runners for good, then the database, then the
// server, which all followers then come back to at once. The runners that are left and the queue carry on by themselves.
import { setTimeout as sleep } from 'node:timers/promises'
import { processesNaming } from '../../test/support/leftovers.ts'
import { startClock } from '../clock.ts'
import type { Control, Fleet } from './control.ts'
import { openFollowers } from './followers.ts'

export type Recovery = {
  /** By the clock of this machine, which the database tells the time by. */
  readonly runnersKilledAt: number
  /** A server that was started anew gives every lease its full time: silence counts from here. */
  readonly serverBackAt: number
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
  const runnersKilledAt = Date.now()
  fleets[0]?.kill()
  await sleep(1_000)
  const databaseBackMs = await killUntilBack(control, /\/postgres -D /)
  await sleep(1_000)
  // Of a runner that was killed nothing is heard until its lease ends.
  const followers = await openFollowers(control, followersMax, fleets[0]?.runners)
  try {
    const serverBackMs = await killUntilBack(control, /\/node .*\/server\.js/)
    const serverBackAt = Date.now()
    const followersBackMs = await followers.comeBack()
    return {
      ...{ runnersKilledAt, serverBackAt, databaseBackMs, serverBackMs, followersBackMs },
      followers: followers.count,
    }
  } finally {
    followers.close()
  }
}

const killUntilBack = async ({ installation, call }: Control, program: RegExp): Promise<number> => {
  const victim = processesNaming([installation.data]).find(({ line }) => program.test(line))
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

/** How long after the server was back the last of the attempts that were lost with the runners had one in its place in the queue. */
export const queuedAgainMs = async (
  { state }: Control,
  { runnersKilledAt, serverBackAt }: Recovery,
): Promise<number> => {
  const [row] = await state.ask<{ at: string | null }>(`
    select max(extract(epoch from b.queued_at)) * 1000 as at from attempts a
    join attempts b on b.job_id = a.job_id and b.number = a.number + 1
    where a.failure_code = 'E_LEASE_LOST' and extract(epoch from a.finished_at) * 1000 > ${runnersKilledAt}`)
  return row?.at == null ? 0 : Number(row.at) - serverBackAt
}
