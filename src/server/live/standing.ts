// Whether somebody may still have what they are being told, for as long as that lasts: looked at when a session or token of theirs
// ends in this process, and at every beat for what ended elsewhere.
import type { Access } from '../access/access.ts'
import { type Actor, mayUse } from '../access/actor.ts'
import type { Verb } from '../access/roles.ts'
import type { Pace } from './limits.ts'

export type Standing = {
  /** Aborts when they may no more. */
  readonly signal: AbortSignal
  /** Nobody is told anything any more. */
  leave(): void
}

export const watchStanding = (
  { access, pace }: { readonly access: Pick<Access, 'again' | 'onEnded'>; readonly pace: Pace },
  actor: Actor,
  verb: Verb,
): Standing => {
  const over = new AbortController()
  const stopWatching = access.onEnded((id) => {
    if (isBehind(actor, id)) over.abort()
  })
  const look = async () => {
    const now = await access.again(actor)
    if (!mayUse(now, verb)) over.abort()
  }
  // The database is away: the next beat looks again.
  const beat = setInterval(() => void look().catch(() => undefined), pace.beatMs)
  return {
    signal: over.signal,
    leave: () => {
      clearInterval(beat)
      stopWatching()
    },
  }
}

/** Whether a session or token is that of `actor`. */
export const isBehind = (actor: Actor, id: string): boolean =>
  (actor.kind === 'user' && actor.session === id) || (actor.kind === 'token' && actor.token === id)
