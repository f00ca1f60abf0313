// Becoming the owner of a new installation with a one-time link: 128 bits in the URL fragment, their SHA-256 in the
// database, 30 minutes, void after use, replaced at every start while nobody has claimed. Afterwards all this is 404.
import { fault } from '../../base/faults.ts'
import { Secret } from '../../base/secret.ts'
import type { Actor } from './actor.ts'
import { countClaimFrom } from './attempts.ts'
import { writeAudit } from './audit.ts'
import { howOf, insertPerson, takeFirstFactor } from './first-factor.ts'
import { hashOf, randomText } from './hashed.ts'
import type { PasskeyOptions, Passkeys } from './passkeys.ts'
import type { Passwords } from './password.ts'
import * as queries from './queries.ts'
import type { OpenedSession, SessionDeps, Sessions } from './sessions.ts'
import type { Site } from './site.ts'
import type { Visit } from './visit.ts'

const claimBytes = 16

type NewOwner = { readonly token: string; readonly name: string; readonly email: string }

export type Claim = {
  /** A new link, which ends the one before; null when the installation has an owner. `by`: who asked, if anybody. */
  issue(by: Actor | null): Promise<Secret<string> | null>
  passkeyOptions(owner: NewOwner, visit: Visit): Promise<PasskeyOptions>
  finish(
    owner: NewOwner & { readonly password?: string | undefined; readonly passkey?: unknown },
    visit: Visit,
  ): Promise<OpenedSession>
}

type Deps = SessionDeps & {
  readonly site: () => Site
  readonly organisation: queries.Organisation
  readonly sessions: Sessions
  readonly passwords: Passwords
  readonly passkeys: Passkeys
}

export const createClaim = (deps: Deps): Claim => ({
  issue: (by) => issue(deps, by),
  passkeyOptions: async (owner, visit) => {
    await checkLink(deps, owner.token, visit)
    const user = deps.newId('user')
    return deps.passkeys.startRegistration({ user, name: owner.name, email: owner.email })
  },
  finish: (owner, visit) => finish(deps, owner, visit),
})

const issue = async (deps: Deps, by: Actor | null): Promise<Secret<string> | null> => {
  if (await queries.isClaimed(deps.db, deps.organisation.id)) return null
  const token = randomText(deps.randomBytes, claimBytes).reveal('to put it into the link')
  await deps.db.transaction().execute(async (tx) => {
    await queries.replaceClaim(tx, hashOf(token))
    const target = deps.organisation.id
    if (by !== null) await writeAudit(tx, by, { action: 'claim.issue', target, result: 'ok' })
  })
  // The fragment never reaches a server, so no proxy or access log ever holds it.
  return new Secret(`${deps.site().url}/claim#${token}`)
}

const checkLink = async (deps: Deps, token: string, visit: Visit): Promise<void> => {
  if (await queries.isClaimed(deps.db, deps.organisation.id)) throw fault('E_NOT_FOUND')
  await countClaimFrom(deps.db, visit.address)
  if (!(await queries.isClaimValid(deps.db, hashOf(token)))) throw fault('E_CLAIM_INVALID')
}

const finish: (deps: Deps, ...input: Parameters<Claim['finish']>) => Promise<OpenedSession> = async (
  deps,
  owner,
  visit,
) => {
  await checkLink(deps, owner.token, visit)
  const factor = await takeFirstFactor(deps, owner)
  const { name, email } = owner
  const organisation = deps.organisation.id
  return deps.db.transaction().execute(async (tx) => {
    if (!(await queries.takeClaim(tx, hashOf(owner.token)))) throw fault('E_CLAIM_INVALID')
    await insertPerson(tx, { name, email, role: 'owner', organisation }, factor)
    const how = howOf(factor)
    const opened = await deps.sessions.open(tx, factor.user, { how, visit })
    await writeAudit(tx, opened.person, {
      action: 'installation.claim',
      target: organisation,
      result: 'ok',
      facts: { how },
    })
    return opened
  })
}
