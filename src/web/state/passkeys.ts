// Passkeys through @simplewebauthn/browser, fetched when somebody uses one.
import { text } from '../text/en.ts'
import { ApiProblem } from './api.ts'

type Json = Record<string, unknown>

export const makePasskey = async (options: Json): Promise<Json> => {
  const { startRegistration } = await import('@simplewebauthn/browser')
  // SAFE: the server made these options with the same library; the browser refuses malformed ones.
  return { ...(await startRegistration({ optionsJSON: options as never })) }
}

export const usePasskey = async (options: Json): Promise<Json> => {
  const { startAuthentication } = await import('@simplewebauthn/browser')
  // SAFE: as above.
  return { ...(await startAuthentication({ optionsJSON: options as never })) }
}

/**
 * A passkey that the browser offers in the field for the name: waits until one is chosen. null: this browser offers none, or another
 * way was taken meanwhile.
 */
export const offerPasskey = async (options: () => Promise<Json>): Promise<Json | null> => {
  const { browserSupportsWebAuthnAutofill, startAuthentication } = await import('@simplewebauthn/browser')
  if (!(await browserSupportsWebAuthnAutofill())) return null
  // SAFE: as above.
  const asked = { optionsJSON: (await options()) as never, useBrowserAutofill: true }
  return startAuthentication(asked).then(
    (given) => ({ ...given }),
    (error: unknown) => {
      if (passkeyProblem(error) === null) throw error
      return null
    },
  )
}
export const withdrawOffer = async (): Promise<void> => {
  const { WebAuthnAbortService } = await import('@simplewebauthn/browser')
  WebAuthnAbortService.cancelCeremony()
}

const isNamed = (error: unknown, names: readonly string[]): boolean =>
  error instanceof Error &&
  (names.includes(error.name) || (error.cause instanceof Error && names.includes(error.cause.name)))

/** What went wrong at the authenticator, for people; null when it was something else. */
export const passkeyProblem = (error: unknown): ApiProblem | null => {
  // What a server said is its own problem, also in a browser without passkeys.
  if (error instanceof ApiProblem) return null
  if (isNamed(error, ['NotAllowedError', 'AbortError']))
    return new ApiProblem({ title: text.signIn.cancelled, status: 0, code: 'MF4032' })
  if (isNamed(error, ['SecurityError', 'NotSupportedError']) || !('PublicKeyCredential' in globalThis))
    return new ApiProblem({ title: text.signIn.unsupported, status: 0, code: 'MF4032' })
  return null
}
