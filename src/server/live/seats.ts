// How many may be connected at once: in all, and one credential, so that a page that reconnects wildly or a leaked
// token cannot push the others out.
import { fault } from '../../base/faults.ts'
import { type Actor, actorId } from '../access/actor.ts'
import { limits } from './limits.ts'

/** Takes a seat or is a fault; call what it returns when the connection ends. */
export type TakeSeat = (actor: Actor) => () => void

export const createSeats = (): TakeSeat => {
  const taken = new Map<string, number>()
  let total = 0
  return (actor) => {
    const key = actor.kind === 'user' ? actor.session : actorId(actor)
    const own = taken.get(key) ?? 0
    if (total >= limits.connections || own >= limits.connectionsPerCredential)
      throw fault('E_RATE_LIMIT', { public: 'Too many live connections. Close some tabs.' })
    taken.set(key, own + 1)
    total++
    return () => {
      total--
      const left = (taken.get(key) ?? 1) - 1
      if (left === 0) taken.delete(key)
      else taken.set(key, left)
    }
  }
}
