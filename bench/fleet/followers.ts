// Readers of the fleet's logs, as tools and browsers read them: each follows one running job on a connection of its own and
// checks that every line comes once and in order. They can all lose their connection and come back with their cursors.
import { setTimeout as sleep } from 'node:timers/promises'
import { type Client, type LiveMessage, openClient } from '../client.ts'
import { startClock } from '../clock.ts'
import type { Control } from './control.ts'

export type Followers = {
  readonly count: number
  readonly seen: () => Seen
  /** How many have lost their connection since. */
  readonly lost: () => number
  /** For when a server is gone: resolves when all, or those it had, are connected again and heard of their logs; how long that took. */
  readonly comeBack: (who?: 'all' | 'lost') => Promise<number>
  readonly close: () => void
}

export type Seen = { readonly frames: number; readonly lines: number; readonly outOfOrder: number }

type Follower = {
  readonly token: string
  readonly topic: string
  /** Of the job's one step. */
  lines: number
  seq: number
  client: Client | null
  isLost: boolean
}

const comeBackMs = 60_000
const againMs = 100
const handshakesAtOnce = 16

/** Of the jobs that began last: these run the longest from now. */
export const openFollowers = async (control: Control, count: number): Promise<Followers> => {
  const { installation, state, tenants } = control
  const attempts = await state.ask<{ id: string; organisation: string }>(`
    select a.id, a.organisation_id as organisation from attempts a join jobs j on j.id = a.job_id
    where j.kind = 'job' and a.status = 'running' order by a.started_at desc limit ${count}`)
  const followers = await Promise.all(
    attempts.map(
      async ({ id, organisation }): Promise<Follower> => ({
        ...{ token: await tenants.token(organisation), topic: `log:${id}` },
        ...{ lines: 0, seq: 0, client: null, isLost: false },
      }),
    ),
  )
  const seen = { frames: 0, lines: 0, outOfOrder: 0 }
  const take = (follower: Follower, message: LiveMessage): void => {
    if (message.t !== 'frame' || message.frame.step === 0) return
    const { firstLine, lines, seq } = message.frame
    if (firstLine !== follower.lines + 1) seen.outOfOrder++
    follower.lines = firstLine - 1 + lines
    follower.seq = seq
    seen.frames++
    seen.lines += lines
  }
  const connectAll = (which: readonly Follower[], isAgain: boolean) =>
    inLanes(which, async (follower) => {
      await connect(installation.url, follower, { take, isAgain })
    })
  const lost = () => followers.filter(({ isLost }) => isLost)
  await connectAll(followers, false)
  return {
    count: followers.length,
    seen: () => ({ ...seen }),
    lost: () => lost().length,
    comeBack: async (who = 'all') => {
      const elapsed = startClock()
      await connectAll(who === 'all' ? followers : lost(), true)
      return elapsed()
    },
    close: () => {
      for (const { client } of followers) client?.close()
    },
  }
}

/** So many handshakes at once as the server looks at; more would be turned away. */
const inLanes = async <T>(all: readonly T[], work: (one: T) => Promise<void>): Promise<void> => {
  const left = [...all]
  const lane = async () => {
    for (let next = left.pop(); next !== undefined; next = left.pop()) await work(next)
  }
  await Promise.all(Array.from({ length: handshakesAtOnce }, lane))
}

type How = {
  readonly take: (follower: Follower, message: LiveMessage) => void
  /** Then it is only back when it has heard of its log. */
  readonly isAgain: boolean
}

const connect = async (url: string, follower: Follower, { take, isAgain }: How): Promise<void> => {
  const elapsed = startClock()
  for (;;) {
    follower.client?.close()
    follower.client = await openClient(url, follower.token).catch(() => null)
    const log = await follower.client?.follow(follower.topic, { cursor: follower.seq }).catch(() => null)
    if (log) {
      const until = <T>(last: T) =>
        heard(
          log.next((message) => {
            take(follower, message)
            return last
          }),
        )
      // A connection that breaks later is missed by nobody until it is asked to come back.
      if (!isAgain || (await until(true))) return void noteLoss(follower, until(null))
    }
    if (elapsed() > comeBackMs) throw new Error(`a follower did not come back within ${comeBackMs} ms`)
    await sleep(againMs)
  }
}

const noteLoss = async (follower: Follower, isHeard: Promise<boolean>): Promise<void> => {
  const { client } = follower
  follower.isLost = false
  if (!(await isHeard) && follower.client === client) follower.isLost = true
}

const heard = (message: Promise<unknown>): Promise<boolean> =>
  message.then(
    () => true,
    () => false,
  )
