// Makes the runner of this machine known to the vault, which releases secrets to it, and to the server, which gives it
// work. A revocation stands: the same id and key never come back, and a new identity is the operator's decision.
import { join } from 'node:path'
import { isFault } from '../base/faults.ts'
import type { Identity } from './identity.ts'
import type { Layout } from './layout.ts'
import { callOperator, callVaultAdmin } from './operator.ts'

/** Answers the public key that the vault signs with, which the runner pins; null when the runner was revoked. */
export const enrolAtVault = async (layout: Layout, { runner }: Identity): Promise<string | null> => {
  const enrolment = { runner: runner.id, publicKey: runner.publicKey }
  const scope = { org: '*', projects: '*', tierMax: 'protected' }
  const enrolled = await unlessRevoked(callVaultAdmin(layout, 'runner.enroll', { ...enrolment, ...scope }))
  // SAFE: the vault's own answer to this verb (protocol/vault.ts).
  return enrolled === null ? null : (enrolled as { vsign: string }).vsign
}

/** Whether the server takes it. */
export const enrolAtServer = async (layout: Layout, { runner }: Identity): Promise<boolean> => {
  const body = { id: runner.id, name: 'local', public_key: runner.publicKey }
  return (await unlessRevoked(callOperator(layout, 'POST', '/api/v1/operator/runners', body))) !== null
}

export const revokedText = ({ data, flag }: Layout): string =>
  `the runner of this machine was revoked, or its id belongs to another key: no job runs here.
  To enrol a new one: mayfly down${flag}, then rm -r ${join(data, 'runner')}, then mayfly up${flag}`

const unlessRevoked = (call: Promise<unknown>): Promise<unknown> =>
  call.catch((error: unknown) => {
    if (isFault(error, 'E_CONFLICT')) return null
    throw error
  })
