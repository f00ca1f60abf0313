// How often somebody may try: counted in the database, before the credential is looked at, so that replicas and
// restarts do not give more tries (trust-model.md §9).
import { toHex } from '../../base/bytes.ts'
import { fault } from '../../base/faults.ts'
import { hashOf } from './hashed.ts'
import { limits } from './limits.ts'
import { networkOf } from './network.ts'
import { countAttempt, type Executor } from './queries.ts'

const { attempts } = limits

export const countSignInFrom = (db: Executor, address: string): Promise<void> =>
  count(db, `sign-in:address:${networkOf(address)}`, attempts.signInPerAddress)

/** The name is hashed: what people mistype into the field must not be stored. */
export const countSignInTo = (db: Executor, email: string): Promise<void> =>
  count(db, `sign-in:account:${toHex(hashOf(email.toLowerCase()))}`, attempts.signInPerAccount)

export const countChallengeFrom = (db: Executor, address: string): Promise<void> =>
  count(db, `challenge:address:${networkOf(address)}`, attempts.challengesPerAddress)

export const countClaimFrom = (db: Executor, address: string): Promise<void> =>
  count(db, `claim:address:${networkOf(address)}`, attempts.claimPerAddress)

const count = async (db: Executor, key: string, most: number): Promise<void> => {
  const { count, endsInSeconds } = await countAttempt(db, key)
  if (count > most)
    throw fault('E_RATE_LIMIT', { public: `Too many attempts. Try again in ${endsInSeconds} seconds.` })
}
