// Free places of runners whose polls wait in this process (docs/decisions/0013). An attempt that would be queued takes one
// in the transaction that makes it, and its lease goes out with the answer to that poll: nothing is called out, looked for
// and claimed. A poll offers places only while it waits, so everything that was queued before has had its turn.
import type { LeaseId, RunnerId } from '../../base/ids.ts'
import type { NewId } from '../new-id.ts'
import type { LeaseDetails } from './leased.ts'

export type WaitingPoll = {
  readonly runner: RunnerId
  readonly runnerName: string
  readonly session: number
  /** Free places by class, and how many attempts it can take in all. */
  readonly free: Readonly<Record<string, number>>
  readonly max: number
  /** What its runner compiles with. */
  readonly compiler: string | null
  /** A lease of this poll has been committed. */
  readonly onGiven: () => void
}

/** null: the tables have to be asked. */
export type Given = { readonly lease: LeaseId; readonly details: LeaseDetails | null }

export type Offer = {
  /** Takes no more; answers the leases that were given, once every one under way is decided. */
  close(): Promise<readonly Given[]>
}

export type Place = Pick<WaitingPoll, 'runner' | 'runnerName' | 'session' | 'compiler'> & {
  readonly id: LeaseId
}

/** The places of one transaction. */
export type Placing = {
  /** null: no runner waits for this class; the attempt is queued. */
  take(className: string): Place | null
  /** They belong to their runners now; `details` of leases where they are known. */
  give(details?: readonly LeaseDetails[]): void
  /** Back to their polls, unless they were given. */
  release(): void
}

export type Places = {
  offer(poll: WaitingPoll): Offer
  placing(): Placing
}

/** For what takes no place directly and goes through the queue. */
export const noPlacing: Placing = { take: () => null, give: () => undefined, release: () => undefined }

/** What is not given in the end goes back; a lease whose commit nobody can tell about comes back with its runner's next poll. */
export const withPlacing = async <T>(places: Places, work: (placing: Placing) => Promise<T>): Promise<T> => {
  const placing = places.placing()
  try {
    return await work(placing)
  } finally {
    placing.release()
  }
}

type Waiting = {
  readonly poll: WaitingPoll
  readonly left: Map<string, number>
  max: number
  pending: number
  isClosed: boolean
  readonly given: Given[]
  readonly decided: PromiseWithResolvers<void>
}
type Taken = { readonly waiting: Waiting; readonly className: string; readonly place: Place }

export const createPlaces = (newId: NewId): Places => {
  const polls = new Set<Waiting>()
  return {
    offer: (poll) => {
      const waiting: Waiting = {
        ...{ poll, left: new Map(Object.entries(poll.free)), max: poll.max, pending: 0, isClosed: false },
        ...{ given: [], decided: Promise.withResolvers<void>() },
      }
      polls.add(waiting)
      return {
        close: async () => {
          polls.delete(waiting)
          waiting.isClosed = true
          settle(waiting)
          await waiting.decided.promise
          return waiting.given
        },
      }
    },
    placing: () => createPlacing(polls, newId),
  }
}

const createPlacing = (polls: ReadonlySet<Waiting>, newId: NewId): Placing => {
  let taken: Taken[] = []
  return {
    take: (className) => {
      const waiting = [...polls].find(({ left, max }) => max > 0 && (left.get(className) ?? 0) > 0)
      if (waiting === undefined) return null
      count(waiting, className, -1)
      const { runner, runnerName, session, compiler } = waiting.poll
      const place = { id: newId('lease'), runner, runnerName, session, compiler }
      taken.push({ waiting, className, place })
      return place
    },
    give: (details = []) => {
      const byLease = new Map(details.map((known) => [known.lease, known]))
      for (const { waiting, place } of taken.splice(0)) {
        waiting.given.push({ lease: place.id, details: byLease.get(place.id) ?? null })
        waiting.pending--
        settle(waiting)
        waiting.poll.onGiven()
      }
    },
    release: () => {
      for (const { waiting, className } of taken) {
        count(waiting, className, 1)
        settle(waiting)
      }
      taken = []
    },
  }
}

const count = (waiting: Waiting, className: string, by: 1 | -1): void => {
  waiting.left.set(className, (waiting.left.get(className) ?? 0) + by)
  waiting.max += by
  waiting.pending -= by
}

const settle = ({ isClosed, pending, decided }: Waiting): void => {
  if (isClosed && pending === 0) decided.resolve()
}
