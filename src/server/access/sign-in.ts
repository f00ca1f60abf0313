// Signing in by password or passkey. Unknown people, wrong passwords and people without one get the same answer after
// the same work. Every outcome is audited; the name that was typed is not.
import { catalogue, type FaultCode, fault, isFault } from '../../base/faults.ts'
import type { OrganisationId, UserId } from '../../base/ids.ts'
import { Secret } from '../../base/secret.ts'
import { countChallengeFrom, countSignInFrom, countSignInTo } from './attempts.ts'
import { writeAudit } from './audit.ts'
import type { PasskeyOptions, Passkeys } from './passkeys.ts'
import type { Passwords } from './password.ts'
import * as queries from './queries.ts'
import type { OpenedSession, SessionDeps, Sessions } from './sessions.ts'
import type { Visit } from './visit.ts'

export type SignIn = {
  byPassword(
    input: { readonly email: string; readonly password: string },
    visit: Visit,
  ): Promise<OpenedSession>
  passkeyOptions(visit: Visit): Promise<{ readonly challenge: string; readonly options: PasskeyOptions }>
  byPasskey(
    input: { readonly challenge: string; readonly passkey: unknown },
    visit: Visit,
  ): Promise<OpenedSession>
}

type Deps = SessionDeps & {
  readonly organisation: queries.Organisation
  readonly sessions: Sessions
  readonly passwords: Passwords
  readonly passkeys: Passkeys
}

export const createSignIn = (deps: Deps): SignIn => ({
  byPassword: (input, visit) =>
    signIn(deps, { how: 'password', visit }, async () => {
      await countSignInTo(deps.db, input.email)
      const known = await queries.findPasswordOf(deps.db, input.email)
      const right = await deps.passwords.isRight(new Secret(input.password), known?.hash ?? null)
      if (known === null || !right) throw fault('E_SIGN_IN')
      return known.id
    }),
  passkeyOptions: async (visit) => {
    await countChallengeFrom(deps.db, visit.address)
    return deps.passkeys.startSignIn()
  },
  byPasskey: (input, visit) =>
    signIn(
      deps,
      { how: 'passkey', visit },
      async () => (await deps.passkeys.finishSignIn(input.challenge, input.passkey)).user,
    ),
})

const signIn = async (
  deps: Deps,
  { how, visit }: { readonly how: string; readonly visit: Visit },
  prove: () => Promise<UserId>,
): Promise<OpenedSession> => {
  try {
    await countSignInFrom(deps.db, visit.address)
    const user = await prove()
    return await deps.db.transaction().execute((tx) => deps.sessions.open(tx, user, { how, visit }))
  } catch (error) {
    if (isFault(error, 'E_SIGN_IN')) await auditDenied(deps, how, error.code)
    throw error
  }
}

const auditDenied = (
  deps: { readonly db: queries.Database; readonly organisation: { readonly id: OrganisationId } },
  how: string,
  code: FaultCode,
): Promise<void> =>
  writeAudit(
    deps.db,
    { kind: 'stranger', organisation: deps.organisation.id },
    { action: 'session.start', target: '-', result: 'denied', code: catalogue[code].number, facts: { how } },
  )
