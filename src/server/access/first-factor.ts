// What somebody proves from now on who they are with: a new password, hashed, or a verified passkey; exactly one of them.
import { fault } from '../../base/faults.ts'
import type { UserId } from '../../base/ids.ts'
import { Secret } from '../../base/secret.ts'
import type { NewId } from '../new-id.ts'
import { limits } from './limits.ts'
import type { NewPasskey, Passkeys } from './passkeys.ts'
import type { Passwords } from './password.ts'
import * as queries from './queries.ts'

export type FirstFactor =
  | { readonly user: UserId; readonly password: string }
  | { readonly user: UserId; readonly passkey: NewPasskey }

export type GivenFactor = { readonly password?: string | undefined; readonly passkey?: unknown }

/** The id is that of the person to be: with a passkey it was given out with the options. */
export const takeFirstFactor = async (
  deps: { readonly newId: NewId; readonly passwords: Passwords; readonly passkeys: Passkeys },
  given: GivenFactor,
): Promise<FirstFactor> => {
  if ((given.password === undefined) === (given.passkey === undefined))
    throw fault('E_INPUT', { public: 'Send either a password or a passkey' })
  if (given.password === undefined) return deps.passkeys.finishRegistration(given.passkey)
  if ([...given.password].length < limits.password.charactersMin)
    throw fault('E_INPUT', { public: `A password has at least ${limits.password.charactersMin} characters` })
  return { user: deps.newId('user'), password: await deps.passwords.hash(new Secret(given.password)) }
}

export const howOf = (factor: FirstFactor): 'password' | 'passkey' =>
  'password' in factor ? 'password' : 'passkey'

/** Makes the person together with what they prove it with. */
export const insertPerson = async (
  tx: queries.Executor,
  person: Omit<queries.Member, 'id'>,
  factor: FirstFactor,
): Promise<void> => {
  await queries.insertUser(tx, { ...person, id: factor.user })
  if ('password' in factor) await queries.insertPassword(tx, factor.user, factor.password)
  else await queries.insertPasskey(tx, { ...factor.passkey, user: factor.user, name: null })
}
