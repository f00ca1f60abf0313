// Passkeys (WebAuthn) by @simplewebauthn/server: user verification required, no attestation, discoverable credentials.
// Each challenge is a row that is taken once and lives five minutes. What the browser sends is hostile input.
import {
  type AuthenticationResponseJSON,
  generateAuthenticationOptions,
  generateRegistrationOptions,
  type RegistrationResponseJSON,
  verifyAuthenticationResponse,
  verifyRegistrationResponse,
} from '@simplewebauthn/server'
import * as z from 'zod'
import { utf8 } from '../../base/bytes.ts'
import { fault } from '../../base/faults.ts'
import type { OrganisationId, UserId } from '../../base/ids.ts'
import { limits } from './limits.ts'
import * as queries from './queries.ts'
import type { Site } from './site.ts'

/** COSE numbers of EdDSA, ES256 and RS256: what authenticators of people have. */
const algorithms = [-8, -7, -257]

const text = z.string().max(8192)
const common = {
  id: text,
  rawId: text,
  type: z.literal('public-key'),
  authenticatorAttachment: z.enum(['platform', 'cross-platform']).optional(),
  clientExtensionResults: z.looseObject({}),
}
const registration = z.object({
  ...common,
  response: z.object({
    clientDataJSON: text,
    attestationObject: text,
    transports: z.array(z.string().max(32)).max(8).optional(),
  }),
})
const authentication = z.object({
  ...common,
  response: z.object({
    clientDataJSON: text,
    authenticatorData: text,
    signature: text,
    userHandle: text.optional(),
  }),
})

export type PasskeyOptions = Record<string, unknown>
export type NewPasskey = Omit<queries.Passkey, 'user' | 'name'>

export type Passkeys = {
  /** Options for a new passkey of a person who does not exist yet; `user` is the id they will get. */
  startRegistration(person: { user: UserId; name: string; email: string }): Promise<PasskeyOptions>
  finishRegistration(passkey: unknown): Promise<{ readonly user: UserId; readonly passkey: NewPasskey }>
  /** A further one of somebody who is in; those they have are not made twice. */
  startAdding(
    person: { user: UserId; name: string; email: string },
    known: readonly string[],
  ): Promise<PasskeyOptions>
  finishAdding(passkey: unknown): Promise<{ readonly user: UserId; readonly passkey: NewPasskey }>
  startSignIn(): Promise<{ readonly challenge: string; readonly options: PasskeyOptions }>
  finishSignIn(challenge: string, passkey: unknown): Promise<{ user: UserId; organisation: OrganisationId }>
  /** With one of `known`, of somebody who is in. */
  startProof(
    user: UserId,
    known: readonly string[],
  ): Promise<{ readonly challenge: string; readonly options: PasskeyOptions }>
  finishProof(user: UserId, challenge: string, passkey: unknown): Promise<void>
}

type Deps = { readonly db: queries.Database; readonly site: () => Site }

export const createPasskeys = (deps: Deps): Passkeys => ({
  startRegistration: (person) => startRegistration(deps, person, { purpose: 'claim', known: [] }),
  finishRegistration: (passkey) => finishRegistration(deps, passkey, 'claim'),
  startAdding: (person, known) => startRegistration(deps, person, { purpose: 'add', known }),
  finishAdding: (passkey) => finishRegistration(deps, passkey, 'add'),
  startSignIn: () => startSignIn(deps),
  finishSignIn: (challenge, passkey) => finishSignIn(deps, { challenge, purpose: 'sign-in' }, passkey),
  startProof: (user, known) => startProof(deps, user, known),
  finishProof: async (user, challenge, passkey) => {
    const found = await finishSignIn(deps, { challenge, purpose: 'prove' }, passkey)
    if (found.user !== user) throw refused('the passkey of somebody else')
  },
})

const startRegistration = async (
  { db, site }: Deps,
  person: { readonly user: UserId; readonly name: string; readonly email: string },
  { purpose, known }: { readonly purpose: queries.ChallengePurpose; readonly known: readonly string[] },
): Promise<PasskeyOptions> => {
  const options = await generateRegistrationOptions({
    rpName: 'Mayfly',
    rpID: site().hostname,
    userID: utf8(person.user),
    userName: person.email,
    userDisplayName: person.name,
    timeout: limits.challengeMs,
    attestationType: 'none',
    excludeCredentials: known.map((id) => ({ id })),
    supportedAlgorithmIDs: algorithms,
    authenticatorSelection: { residentKey: 'required', userVerification: 'required' },
  })
  await queries.insertChallenge(db, { text: options.challenge, purpose, user: person.user })
  return { ...options }
}

const finishRegistration = async ({ db, site }: Deps, input: unknown, purpose: queries.ChallengePurpose) => {
  const response = parsed(registration, input)
  let user: UserId | null = null
  const verified = await verify(() =>
    verifyRegistrationResponse({
      // SAFE: the shape was checked above; its contents are what the library is for.
      response: response as RegistrationResponseJSON,
      expectedChallenge: async (challenge) => {
        user = (await queries.takeChallenge(db, challenge, purpose))?.user ?? null
        return user !== null
      },
      expectedOrigin: site().origin,
      expectedRPID: site().hostname,
      requireUserVerification: true,
      supportedAlgorithmIDs: algorithms,
    }),
  )
  if (!verified.verified || user === null) throw refused('the registration was not verified')
  const { credential } = verified.registrationInfo
  return {
    user,
    passkey: {
      id: credential.id,
      publicKey: credential.publicKey,
      counter: credential.counter,
      transports: response.response.transports ?? [],
    },
  }
}

const startSignIn = async ({ db, site }: Deps) => {
  const options = await generateAuthenticationOptions({
    rpID: site().hostname,
    timeout: limits.challengeMs,
    userVerification: 'required',
  })
  await queries.insertChallenge(db, { text: options.challenge, purpose: 'sign-in', user: null })
  return { challenge: options.challenge, options: { ...options } }
}

/** Of somebody who is in: with one of the passkeys they have. */
const startProof = async ({ db, site }: Deps, user: UserId, known: readonly string[]) => {
  const options = await generateAuthenticationOptions({
    rpID: site().hostname,
    timeout: limits.challengeMs,
    userVerification: 'required',
    allowCredentials: known.map((id) => ({ id })),
  })
  await queries.insertChallenge(db, { text: options.challenge, purpose: 'prove', user })
  return { challenge: options.challenge, options: { ...options } }
}

const finishSignIn = async (
  { db, site }: Deps,
  { challenge, purpose }: { readonly challenge: string; readonly purpose: 'sign-in' | 'prove' },
  input: unknown,
) => {
  const response = parsed(authentication, input)
  const known = await queries.takeChallenge(db, challenge, purpose)
  const passkey = await queries.findPasskey(db, response.id)
  if (known === null || passkey === null) throw refused('unknown challenge or passkey')
  const { verified, authenticationInfo } = await verify(() =>
    verifyAuthenticationResponse({
      // SAFE: the shape was checked above; its contents are what the library is for.
      response: response as AuthenticationResponseJSON,
      expectedChallenge: challenge,
      expectedOrigin: site().origin,
      expectedRPID: site().hostname,
      requireUserVerification: true,
      credential: {
        id: passkey.id,
        publicKey: new Uint8Array(passkey.publicKey),
        counter: passkey.counter,
        transports: [...passkey.transports],
      },
    }),
  )
  if (!verified) throw refused('the assertion was not verified')
  await queries.touchPasskey(db, passkey.id, authenticationInfo.newCounter)
  return { user: passkey.user, organisation: passkey.organisation }
}

const refused = (detail: string, cause?: unknown) =>
  fault('E_SIGN_IN', { public: 'The passkey was not accepted', detail, cause })

const parsed = <S extends z.ZodType>(shape: S, input: unknown): z.output<S> => {
  const result = shape.safeParse(input)
  if (!result.success) throw refused('the answer of the browser has another shape')
  return result.data
}

/** The library says no by throwing. */
const verify = async <T>(work: () => Promise<T>): Promise<T> => {
  try {
    return await work()
  } catch (error) {
    throw refused('the library refused it', error)
  }
}
