// Signs what the server says about an attempt, and asks the vault for what its runner needs first: the deploy-key agent
// and, for a job, its secrets, sealed to a key that the runner listed in the very poll that is answered. The server never
// sees what is inside.
import type { Clock } from '../../base/clock.ts'
import { isFault } from '../../base/faults.ts'
import { contextId } from '../../protocol/contexts.ts'
import type { LeakAnswer } from '../../protocol/leaks.ts'
import type { PollAnswer } from '../../protocol/runner-wire.ts'
import { openCommit } from '../../protocol/runner-wire.ts'
import type { Signature } from '../../protocol/signing.ts'
import type { ScopeFacts } from '../../protocol/stored-object.ts'
import { type ReleaseItem, type TicketClaims, ticketTyp } from '../../protocol/vault.ts'
import { type CryptoKey, type Sign, signJws } from '../../seal/index.ts'
import type { NewId } from '../new-id.ts'
import type { LeaseDetails } from '../runs/leased.ts'
import type { VaultClient } from '../vault-client.ts'
import type { Caller } from './authenticate.ts'

export type Ticket = { readonly ticket: string; readonly eph: string; readonly sealed: string | null }

/** Of an attempt that proves who it is. */
export type TicketExtras = Pick<TicketClaims, 'actor' | 'workflow'>

export type Tickets = {
  /** What every lease needs of the vault; a fault while the vault is away, and then nothing should be leased. */
  prepare(): Promise<NonNullable<PollAnswer['ingestKey']>>
  issue(lease: LeaseDetails, poll: Signed): Promise<Ticket>
  /** One item for an attempt that goes on, by a ticket of its own. */
  release(
    lease: LeaseDetails,
    request: Signed,
    item: ReleaseItem,
    more?: TicketExtras,
  ): Promise<{ readonly ticket: string; readonly sealed: string }>
  /** A signature for a step of an attempt that goes on, likewise. */
  sign(lease: LeaseDetails, request: Signed): Promise<Signature>
  /** That a secret was in what the attempt said, likewise. */
  tellLeak(lease: LeaseDetails, request: Signed): Promise<LeakAnswer>
}

/** What a runner signed, and the key in it that makes it good for one answer. */
type Signed = { readonly caller: Caller; readonly body: string; readonly eph: string }

type Deps = {
  readonly vault: VaultClient
  readonly key: CryptoKey | Sign
  readonly newId: NewId
  readonly clock: Clock
}

const ticketLifeSeconds = 300
/** How long the epoch is believed without asking, and from when on it is asked for beside the work. */
const epochMs = { believed: 60_000, fresh: 5_000 }
const ingestKeyMarginSeconds = 600

export const createTickets = (deps: Deps): Tickets => {
  const known = createKnown(deps)
  const sign = async (
    lease: LeaseDetails,
    caller: Caller,
    eph: string,
    more: TicketExtras = {},
  ): Promise<string> => {
    const claims = claimsOf(deps, { lease, caller, eph, epoch: await known.lastEpoch() })
    return signJws({ typ: ticketTyp, claims: { ...claims, ...more } }, deps.key)
  }
  /** Once more with the epoch of a vault that was started meanwhile. */
  const withTicket = async <T>(
    lease: LeaseDetails,
    { caller, body, eph }: Signed,
    more: TicketExtras | undefined,
    ask: (ticket: string, poll: { readonly jws: string; readonly body: string }) => Promise<T>,
  ): Promise<T> => {
    const once = async () => ask(await sign(lease, caller, eph, more), { jws: caller.jws, body })
    try {
      return await once()
    } catch (error) {
      if (!isFault(error, 'E_EPOCH')) throw error
      known.forgetEpoch()
      return once()
    }
  }
  const release: Tickets['release'] = (lease, request, item, more) =>
    withTicket(lease, request, more, async (ticket, poll) => {
      const { sealed } = await deps.vault.call('release', { ticket, poll, want: [item] })
      return { ticket, sealed }
    })
  return {
    prepare: async () => {
      await known.epoch()
      return known.ingestKey()
    },
    release,
    sign: (lease, request) =>
      withTicket(lease, request, undefined, (ticket, poll) => deps.vault.call('sign', { ticket, poll })),
    tellLeak: (lease, request) =>
      withTicket(lease, request, undefined, (ticket, poll) =>
        deps.vault.call('secret.leaked', { ticket, poll }),
      ),
    issue: async (lease, poll) => {
      const { caller, eph } = poll
      if (!needsRelease(lease)) return { ticket: await sign(lease, caller, eph), eph, sealed: null }
      const type = purposeOf(lease) === 'job' ? 'job' : 'agent'
      return { ...(await release(lease, poll, { type })), eph }
    },
  }
}

const claimsOf = (
  { newId, clock }: Deps,
  { lease, caller, eph, epoch }: { lease: LeaseDetails; caller: Caller; eph: string; epoch: string },
): TicketClaims => {
  const iat = Math.floor(clock.now() / 1000)
  return {
    jti: newId('ticket'),
    epoch,
    iss: 'server',
    iat,
    exp: iat + ticketLifeSeconds,
    purpose: purposeOf(lease),
    org: lease.organisation,
    project: lease.project,
    attempt: lease.attempt,
    runner: caller.id,
    tier: tierOfAll,
    eph,
    job: lease.job,
    ...(lease.run === null ? {} : { run: lease.run }),
    ...(lease.commit === null || lease.commit === openCommit ? {} : { commit: lease.commit }),
    ...(lease.ref === null ? {} : { ref: lease.ref }),
    ...(lease.eventKind === null ? {} : { event: lease.eventKind }),
    default_ref: `refs/heads/${lease.defaultBranch}`,
    ...(lease.planDigest === null ? {} : { plan_digest: lease.planDigest }),
    ...(lease.specDigest === null ? {} : { spec_digest: lease.specDigest }),
    ...contextClaims(lease),
  }
}

const contextClaims = ({ organisation, spec, role }: LeaseDetails): Partial<TicketClaims> => {
  const names = spec?.contexts ?? []
  if (names.length === 0) return {}
  return { contexts: names.map((name) => contextId(organisation, name)), ...(role === null ? {} : { role }) }
}

/** Until protected refs and forks are known (decision 0016). */
const tierOfAll = 'branch'

/** What tickets say of this attempt, for its scopes. */
export const scopeFactsOf = ({ ref, eventKind, defaultBranch }: LeaseDetails): ScopeFacts => ({
  tier: tierOfAll,
  ...(ref === null ? {} : { ref }),
  ...(eventKind === null ? {} : { event: eventKind }),
  default_ref: `refs/heads/${defaultBranch}`,
})

/** A local source has no key: then only a job whose project has secrets, or that names contexts, has something to get. */
const needsRelease = (lease: LeaseDetails): boolean =>
  lease.source.kind === 'ssh' ||
  (purposeOf(lease) === 'job' && (lease.hasSecrets || (lease.spec?.contexts ?? []).length > 0))

const purposeOf = ({ jobKind }: LeaseDetails): TicketClaims['purpose'] =>
  jobKind === 'plan' || jobKind === 'refs' ? jobKind : 'job'

const createKnown = ({ vault, clock }: Deps) => {
  let value: string | null = null
  let askedMs = Number.NEGATIVE_INFINITY
  let isAway = false
  let ingest: NonNullable<PollAnswer['ingestKey']> | null = null
  let asking: Promise<string> | null = null
  const ask = async (): Promise<string> => {
    const beganMs = clock.monotonicMs()
    try {
      const { epoch } = await vault.call('health', {})
      value = epoch
      askedMs = beganMs
      isAway = false
      return epoch
    } catch (error) {
      isAway = true
      throw error
    } finally {
      asking = null
    }
  }
  const told = (): Promise<string> => {
    asking ??= ask()
    return asking
  }
  return {
    /** Rejects while the vault is away. A job that begins does not wait for an answer about a vault that gave one just now. */
    epoch: async (): Promise<string> => {
      const ageMs = clock.monotonicMs() - askedMs
      if (value === null || isAway || ageMs > epochMs.believed) return told()
      // Who comes next hears that the vault is away.
      if (ageMs > epochMs.fresh) told().catch(() => undefined)
      return value
    },
    /** Enough for a ticket: whoever uses it hears E_EPOCH when the vault was started anew since. */
    lastEpoch: async (): Promise<string> => value ?? told(),
    forgetEpoch: () => {
      value = null
    },
    ingestKey: async () => {
      if (ingest === null || ingest.exp <= clock.now() / 1000 + ingestKeyMarginSeconds)
        ingest = await vault.call('ingest.key', {})
      return ingest
    },
  }
}
