// What becomes of a running fleet when one of two servers is killed and does not come back: its runners and followers find the
// other by themselves, and every attempt that was under way goes on there, or is queued again.
import { setTimeout as sleep } from 'node:timers/promises'
import { startClock } from '../clock.ts'
import type { Control } from './control.ts'
import { openFollowers, type Seen } from './followers.ts'
import type { Replica } from './replica.ts'

export type ReplicaLoss = {
  readonly attempts: number
  /** From the kill until the last of these was heard of again, had ended or was queued anew. */
  readonly heardAgainMs: number
  readonly followers: number
  readonly followersLost: number
  readonly followersBackMs: number
  readonly seen: Seen
}

type Trace = { readonly id: string; readonly trace: string }

const followersMax = 1_000
const lookEveryMs = 100
const deadlineMs = 180_000
/** Until a follower that lost its connection has noticed. */
const noticeMs = 200

export const killReplica = async (control: Control, replica: Replica): Promise<ReplicaLoss> => {
  const followers = await openFollowers(control, followersMax)
  try {
    await replica.kill()
    const before = new Map((await tracesOf(control)).map(({ id, trace }) => [id, trace]))
    const hearing = untilHeard(control, before)
    const back = async () => {
      await sleep(noticeMs)
      const lost = followers.lost()
      return { lost, ms: noticeMs + (await followers.comeBack('lost')) }
    }
    const [heardAgainMs, { lost, ms }] = await Promise.all([hearing, back()])
    return {
      ...{ attempts: before.size, heardAgainMs },
      ...{ followers: followers.count, followersLost: lost, followersBackMs: ms, seen: followers.seen() },
    }
  } finally {
    followers.close()
  }
}

/** What changes with anything that its runner says. */
const tracesOf = ({ state }: Control): Promise<readonly Trace[]> =>
  state.ask<Trace>(`
    select a.id, concat_ws(' ', a.lease_id, a.beats, a.last_seq, a.last_event) as trace
    from attempts a join jobs j on j.id = a.job_id where j.kind = 'job' and a.status = 'running'`)

const untilHeard = async (control: Control, before: ReadonlyMap<string, string>): Promise<number> => {
  const elapsed = startClock()
  for (;;) {
    const silent = (await tracesOf(control)).filter(({ id, trace }) => before.get(id) === trace)
    if (silent.length === 0) return elapsed()
    if (elapsed() > deadlineMs) throw new Error(`${silent.length} attempts were not heard of again`)
    await sleep(lookEveryMs)
  }
}
