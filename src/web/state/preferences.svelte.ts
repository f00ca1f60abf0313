// How pages are drawn for the person who looks: what they chose stands on the server and comes with who they are.
import type { Preferences } from '../../protocol/api/shapes.ts'
import { knownZone, type TimeLook } from '../format/time.ts'
import type { Api } from './api.ts'
import type { Session } from './session.svelte.ts'

const usual: Preferences = { time_zone: null, clock_hours: null, letter_keys: true }

export const createPreferences = (api: Api, session: Session) => {
  const now = $derived(session.me?.user?.preferences ?? usual)
  const look: TimeLook = $derived({
    zone: now.time_zone === null ? null : knownZone(now.time_zone),
    hours: now.clock_hours,
  })
  const show = (next: Preferences) => {
    const { me } = session
    if (me?.user) session.set({ ...me, user: { ...me.user, preferences: next } })
  }
  return {
    get now() {
      return now
    },
    /** For every time of day that is shown. */
    get look() {
      return look
    },
    /** Seen at once; back again when the server refuses it, which is thrown. */
    set: async (change: Partial<Preferences>): Promise<void> => {
      const before = now
      show({ ...before, ...change })
      try {
        show(await api.call('preferencesSet', { body: change }))
      } catch (error) {
        show(before)
        throw error
      }
    },
  }
}
export type PreferencesState = ReturnType<typeof createPreferences>
