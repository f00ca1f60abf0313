// Everything about who is asking, put together for server/http and server/live. The only way to an Actor.
import type { RandomBytes } from '../../base/clock.ts'
import type { NewId } from '../new-id.ts'
import { type Account, createAccount } from './account.ts'
import { type Actor, type Operator, scopeOfOrganisation } from './actor.ts'
import { type Claim, createClaim } from './claim.ts'
import { createMembers, type Members } from './members.ts'
import { createOwnPasskeys, type OwnPasskeys } from './own-passkeys.ts'
import { createPasskeys } from './passkeys.ts'
import { createPasswords } from './password.ts'
import { createProof, type Proof } from './prove.ts'
import * as queries from './queries.ts'
import { createSessions, type Sessions } from './sessions.ts'
import { createSignIn, type SignIn } from './sign-in.ts'
import type { Site } from './site.ts'
import { createTokens, type Tokens } from './tokens.ts'
import { whomToAsk } from './whom-to-ask.ts'

export type Access = {
  readonly organisation: queries.Organisation
  readonly operator: Operator
  readonly sessions: Sessions
  readonly signIn: SignIn
  readonly proof: Proof
  readonly claim: Claim
  readonly tokens: Tokens
  readonly members: Members
  readonly ownPasskeys: OwnPasskeys
  readonly account: Account
  isClaimed(): Promise<boolean>
  /** Names of owners, for a member who is refused; of everybody else nobody. */
  whomToAsk(actor: Actor | null): Promise<readonly string[]>
  /** The same actor with the rights they have now; null when the session or token has ended. */
  again(actor: Actor): Promise<Actor | null>
  /** Tells at once when a session or token of this process's making ends; others are found by `again`. */
  onEnded(handler: (id: string) => void): () => void
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
  /** The same, for what is found by key (db/database.ts). */
  readonly keyed: queries.Database
  readonly randomBytes: RandomBytes
  readonly newId: NewId
  readonly site: () => Site
  readonly organisation: queries.Organisation
}): Access => {
  const ended = new Set<(id: string) => void>()
  const tellEnded = (id: string): void => {
    for (const handler of [...ended]) handler(id)
  }
  const sessions = createSessions({ ...deps, tellEnded })
  const tokens = createTokens({ ...deps, tellEnded })
  const parts = {
    ...deps,
    sessions,
    passwords: createPasswords(deps),
    passkeys: createPasskeys(deps),
    tellEnded,
  }
  return {
    organisation: deps.organisation,
    operator: { kind: 'operator', name: 'operator', scope: scopeOfOrganisation(deps.organisation.id) },
    sessions,
    tokens,
    signIn: createSignIn(parts),
    proof: createProof(parts),
    claim: createClaim(parts),
    members: createMembers(parts),
    ownPasskeys: createOwnPasskeys(parts),
    account: createAccount(parts),
    whomToAsk: (actor) => whomToAsk(deps.db, actor),
    isClaimed: () => queries.isClaimed(deps.db, deps.organisation.id),
    again: async (actor) => {
      if (actor.kind === 'operator') return actor
      return actor.kind === 'user' ? sessions.findAgain(actor.session) : tokens.findAgain(actor.token)
    },
    onEnded: (handler) => {
      ended.add(handler)
      return () => void ended.delete(handler)
    },
    sweep: () => queries.deleteExpired(deps.db),
  }
}
