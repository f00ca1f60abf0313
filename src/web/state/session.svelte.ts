// Who is looking: claimed or not, signed in or not, and the organisation whose name stands in every address.
import type { Access } from '../../protocol/api/route.ts'
import type { Me } from '../../protocol/api/shapes.ts'

/** `onEnd`: what was kept for the person goes with them. */
export const createSession = (deps: { readonly onEnd: () => void }) => {
  let me = $state.raw<Me | null>(null)
  let hasArrived = $state(false)
  return {
    get me() {
      return me
    },
    get isSignedIn() {
      return me?.user != null
    },
    /** Whether the server would let this person: what it would refuse is not offered. */
    may: (access: Access): boolean => me?.user?.may.includes(access) ?? false,
    get organisation() {
      return me?.organisation?.name ?? ''
    },
    set: (next: Me) => {
      me = next
    },
    /** Somebody has just signed in: they are told when, how and from where they last did. */
    arrive: (next: Me) => {
      me = next
      hasArrived = true
    },
    get hasArrived() {
      return hasArrived
    },
    settleIn: () => {
      hasArrived = false
    },
    /** The server said 401: forget the person, keep the rest. */
    end: () => {
      if (me?.user) me = { ...me, user: null }
      deps.onEnd()
    },
  }
}
export type Session = ReturnType<typeof createSession>
