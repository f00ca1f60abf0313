// Who is looking: claimed or not, signed in or not, and the organisation whose name stands in every address.
import type { Me } from '../../protocol/api/shapes.ts'

export const createSession = () => {
  let me = $state.raw<Me | null>(null)
  return {
    get me() {
      return me
    },
    get isSignedIn() {
      return me?.user != null
    },
    get organisation() {
      return me?.organisation?.name ?? ''
    },
    set: (next: Me) => {
      me = next
    },
    /** The server said 401: forget the person, keep the rest. */
    end: () => {
      if (me?.user) me = { ...me, user: null }
    },
  }
}
export type Session = ReturnType<typeof createSession>
