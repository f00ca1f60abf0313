// Everything about who is asking, put together for server/http and server/live. The only way to an Actor.
import type { RandomBytes } from '../../base/clock.ts'
import { type Actor, type Operator, scopeOfOrganisation } from './actor.ts'
import { type Claim, createClaim } from './claim.ts'
import { createPasskeys } from './passkeys.ts'
import { createPasswords } from './password.ts'
import * as queries from './queries.ts'
import { createSessions, type NewId, type Sessions } from './sessions.ts'
import { createSignIn, type SignIn } from './sign-in.ts'
import type { Site } from './site.ts'
import { createTokens, type Tokens } from './tokens.ts'

export type Access = {
  readonly organisation: queries.Organisation
  readonly operator: Operator
  readonly sessions: Sessions
  readonly signIn: SignIn
  readonly claim: Claim
  readonly tokens: Tokens
  isClaimed(): Promise<boolean>
  /** The same actor with the rights they have now; null when the session or token has ended. */
  again(actor: Actor): Promise<Actor | null>
  /** Removes what has expired. Called from time to time; nothing depends on it. */
  sweep(): Promise<void>
}

/** The installation's one organisation, made at the first start. */
export const keepOrganisation = async (
  db: queries.Database,
  wanted: queries.Organisation,
): Promise<queries.Organisation> => {
  await queries.keepOrganisation(db, wanted)
  const organisation = await queries.findOrganisation(db)
  if (organisation === null) throw new Error('the organisation that was just made is not there')
  return organisation
}

export const createAccess = (deps: {
  readonly db: queries.Database
  readonly randomBytes: RandomBytes
  readonly newId: NewId
  readonly site: () => Site
  readonly organisation: queries.Organisation
}): Access => {
  const sessions = createSessions(deps)
  const tokens = createTokens(deps)
  const parts = { ...deps, sessions, passwords: createPasswords(deps), passkeys: createPasskeys(deps) }
  return {
    organisation: deps.organisation,
    operator: { kind: 'operator', name: 'operator', scope: scopeOfOrganisation(deps.organisation.id) },
    sessions,
    tokens,
    signIn: createSignIn(parts),
    claim: createClaim(parts),
    isClaimed: () => queries.isClaimed(deps.db, deps.organisation.id),
    again: async (actor) => {
      if (actor.kind === 'operator') return actor
      return actor.kind === 'user' ? sessions.findAgain(actor.session) : tokens.findAgain(actor.token)
    },
    sweep: () => queries.deleteExpired(deps.db),
  }
}
