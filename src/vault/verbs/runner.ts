// Who may be given something: enrolled runners, and the server whose tickets count. Changed on the admin socket only,
// by the operator, so the server alone can enrol nothing.
import { fromBase64Url } from '../../base/bytes.ts'
import { fault } from '../../base/faults.ts'
import type { VaultRequest } from '../../protocol/vault.ts'
import { importVerifyKey } from '../../seal/index.ts'
import type { Records, RunnerRecord } from '../store/records.ts'

/** Repeating an enrolment is no change; another key under the same id is refused, also after a revocation. */
export const enrollRunner = async (
  records: Records,
  request: VaultRequest<'runner.enroll'>,
): Promise<void> => {
  const { runner, publicKey, org, projects, tierMax } = request
  await requireKey(publicKey)
  await records.change('runner', runner, (current): RunnerRecord => {
    if (current !== null && (current.publicKey !== publicKey || current.state === 'revoked'))
      throw fault('E_CONFLICT', { public: 'This runner id is taken' })
    return { runner, publicKey, org, projects, tierMax, state: 'active', unsigned: true }
  })
}

/** The record stays, so that the id and its key never come back. */
export const revokeRunner = (records: Records, request: VaultRequest<'runner.revoke'>): Promise<void> =>
  records.change('runner', request.runner, (current) => {
    if (current === null) throw fault('E_NOT_FOUND', { public: 'The vault does not know this runner' })
    return { ...current, state: 'revoked' }
  })

export const setTicketKey = async (
  records: Records,
  request: VaultRequest<'ticketkey.set'>,
): Promise<void> => {
  await requireKey(request.publicKey)
  await records.change('settings', 'server', () => ({ ticketKey: request.publicKey }))
}

const requireKey = async (publicKey: string): Promise<void> => {
  if ((await importVerifyKey(fromBase64Url(publicKey) ?? new Uint8Array(0))) === null)
    throw fault('E_INPUT', { public: 'publicKey is not an Ed25519 key' })
}
