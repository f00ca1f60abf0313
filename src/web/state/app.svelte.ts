// Everything pages share, made once per tab by main.ts and handed down by context.
import { createContext } from 'svelte'
import { createRouter, type Router } from '../router/router.svelte.ts'
import { type Api, createApi } from './api.ts'
import { createKeys, type Keys } from './keys.ts'
import { createLive, type Live } from './live.svelte.ts'
import { createPreferences, type PreferencesState } from './preferences.svelte.ts'
import { createProofAsked, type ProofAsked } from './proof.svelte.ts'
import { createSession, type Session } from './session.svelte.ts'
import { createSubject, type Subject } from './subject.svelte.ts'
import { createTheme, type Theme } from './theme.svelte.ts'
import { createTicker, type Ticker } from './ticker.svelte.ts'

export type App = {
  readonly api: Api
  readonly keys: Keys
  readonly proof: ProofAsked
  readonly router: Router
  readonly session: Session
  readonly theme: Theme
  readonly ticker: Ticker
  /** The token of a claim or an invitation, taken from the address and removed from it. */
  readonly claimToken: string | null
  /** Opened on first use, anew after each sign-in: who is not signed in has no stream. */
  readonly live: () => Live
  readonly preferences: PreferencesState
  readonly subject: Subject
}

export const [useApp, provideApp] = createContext<App>()

export const createApp = (window: Window): App => {
  let claimToken = $state(takeClaimToken(window))
  // The link was opened in a tab that shows this page already: only the fragment changes, nothing loads anew.
  window.addEventListener('hashchange', () => {
    claimToken = takeClaimToken(window) ?? claimToken
  })
  let live: Live | null = null
  const proof = createProofAsked()
  const session = createSession({
    onEnd: () => {
      live?.close()
      live = null
      proof.settle(false)
    },
  })
  const api = createApi({
    fetch: window.fetch.bind(window),
    onSignedOut: session.end,
    onProofWanted: proof.want,
  })
  const preferences = createPreferences(api, session)
  return {
    api,
    proof,
    preferences,
    subject: createSubject(),
    keys: createKeys({ isEnabled: () => preferences.now.letter_keys }),
    router: createRouter(window),
    session,
    theme: createTheme(window),
    ticker: createTicker(window),
    get claimToken() {
      return claimToken
    },
    live: () => {
      live ??= createLive(window, session)
      return live
    },
  }
}

/** It sits in the fragment, so that no proxy log has it; here it leaves the address and the history, too. */
const takeClaimToken = (window: Window): string | null => {
  const { pathname } = window.location
  if (!['/claim', '/join'].includes(pathname) || window.location.hash.length < 2) return null
  const token = decoded(window.location.hash.slice(1))?.replace(/^token=/, '') ?? null
  window.history.replaceState(null, '', pathname)
  return token
}

const decoded = (text: string): string | null => {
  try {
    return decodeURIComponent(text)
  } catch {
    // Not percent-encoding: it lost a piece on its way here. The page says how to get another.
    return null
  }
}
