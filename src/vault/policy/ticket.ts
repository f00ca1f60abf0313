// The two signatures behind a release: the server's ticket says which attempt, the runner's signed poll says that the
// runner itself offered the key the answer is sealed to (trust-model.md §4.4 rules 1 and 2, foundation.md §1).
// Every check that fails throws its own code; nothing is burnt or opened here.
import { createHash, KeyObject, verify } from 'node:crypto'
import { fromBase64Url } from '../../base/bytes.ts'
import { fault } from '../../base/faults.ts'
import { parseShape } from '../../base/shape.ts'
import { secretsPathForm } from '../../protocol/evidence.ts'
import { identityPathForm } from '../../protocol/identity.ts'
import { leakPathForm } from '../../protocol/leaks.ts'
import { signPathForm } from '../../protocol/signing.ts'
import { restorePathForm } from '../../protocol/stored-wire.ts'
import {
  pollPath,
  runnerRequestAgeSecondsMax,
  runnerRequestTyp,
  type TicketClaims,
  type Tier,
  ticketClaims,
  ticketLifeSecondsMax,
  ticketTyp,
} from '../../protocol/vault.ts'
import { importVerifyKey, type JwsClaims, type Verify, verifyJws } from '../../seal/index.ts'
import { clockSkewSeconds } from '../limits.ts'
import type { RunnerRecord } from '../store/records.ts'

/** The claims of a genuine ticket that has not expired. Use and epoch are checked by the caller, who keeps both. */
export const verifyTicket = async (
  ticket: string,
  options: { readonly ticketKey: Verify | null; readonly nowSeconds: number },
): Promise<TicketClaims> => {
  const claims = await verifyJws(ticket, { typ: ticketTyp, keyFor: () => options.ticketKey })
  if (claims === null) throw fault('E_TICKET_SIG')
  const parsed = parseShape(ticketClaims, claims)
  if (!parsed.ok) throw fault('E_INPUT', { public: `ticket: ${parsed.problems[0]?.message}` })
  const { iat, exp } = parsed.value
  const isCurrent = options.nowSeconds < exp && iat <= options.nowSeconds + clockSkewSeconds
  if (!isCurrent || exp - iat > ticketLifeSecondsMax) throw fault('E_TICKET_EXPIRED')
  return parsed.value
}

/** An unknown value means no: a runner that is missing, revoked or out of scope gets nothing. */
export const checkRunnerScope = (runner: RunnerRecord | null, claims: TicketClaims): RunnerRecord => {
  if (runner === null || runner.state !== 'active') throw fault('E_RUNNER_UNKNOWN')
  const coversOrg = runner.org === '*' || runner.org === claims.org
  const coversProject = runner.projects === '*' || runner.projects.includes(claims.project)
  const coversTier = tierRank[claims.tier] <= tierRank[runner.tierMax]
  if (!coversOrg || !coversProject || !coversTier) throw fault('E_RUNNER_SCOPE')
  return runner
}

/** The runner's signed request stands for a signature over the ticket when its body lists the ticket's `eph`. */
export const verifyPoll = async (
  poll: { readonly jws: string; readonly body: string },
  options: { readonly runner: RunnerRecord; readonly eph: string; readonly nowSeconds: number },
): Promise<void> => {
  const { runner } = options
  const key = await verifierOf(runner.publicKey)
  const keyFor = (kid: string | null) => (kid === null || kid === runner.runner ? key : null)
  const claims = await verifyJws(poll.jws, { typ: runnerRequestTyp, keyFor })
  if (claims === null || !isPollOf(claims, runner) || !isFresh(claims.iat, options.nowSeconds))
    throw fault('E_RUNNER_SIG')
  if (claims.bh !== createHash('sha256').update(poll.body).digest('base64url')) throw fault('E_RUNNER_SIG')
  if (!listsKey(poll.body, options.eph))
    throw fault('E_RUNNER_SIG', { public: 'The poll does not list the key' })
}

/** On the spot: a signature takes less than the way to another thread, where releases wait for the disk. null: no key. */
export const verifierOf = async (publicKey: string): Promise<Verify | null> => {
  const key = await importVerifyKey(fromBase64Url(publicKey) ?? new Uint8Array(0))
  if (key === null) return null
  const object = KeyObject.from(key)
  return (message, signature) => verify(null, message, object, signature)
}

export const tierRank: Readonly<Record<Tier, number>> = { fork: 0, branch: 1, protected: 2 }

const leasePathForms = [restorePathForm, identityPathForm, secretsPathForm, signPathForm, leakPathForm]

/** `htu` is an address or a path; which server it names is TLS's business, that it is one that lists keys is ours. */
const isPollOf = (claims: JwsClaims, runner: RunnerRecord): boolean =>
  claims.iss === runner.runner &&
  claims.htm === 'POST' &&
  typeof claims.htu === 'string' &&
  (claims.htu.endsWith(pollPath) || leasePathForms.some((form) => form.test(`${claims.htu}`)))

const isFresh = (iat: unknown, nowSeconds: number): boolean =>
  typeof iat === 'number' && Math.abs(nowSeconds - iat) <= runnerRequestAgeSecondsMax

const listsKey = (body: string, eph: string): boolean => {
  try {
    const poll: unknown = JSON.parse(body)
    const listed = typeof poll === 'object' && poll !== null && 'eph' in poll ? poll.eph : null
    return Array.isArray(listed) && listed.includes(eph)
  } catch {
    // Signed by the runner, but no JSON: it lists nothing.
    return false
  }
}
