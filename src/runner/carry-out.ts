// From a lease to its attempt: opens what the vault released, finds limits and network, and calls the attempt of its
// kind. Everything shared between the attempts of one host (packs, compilers) is held here.
import { fault, isFault } from '../base/faults.ts'
import { Secret } from '../base/secret.ts'
import { parseShape } from '../base/shape.ts'
import { contextId, refusalText } from '../protocol/contexts.ts'
import type { JobLease, LeaseGrant, PlanLease } from '../protocol/runner-wire.ts'
import { type AgentPayload, agentPayload, type JobPayload, jobPayload } from '../protocol/vault.ts'
import { findClass } from '../sandbox/index.ts'
import { type CryptoKey, type OpeningKey, openRelease } from '../seal/index.ts'
import { runJobAttempt, stopped } from './attempt.ts'
import { createGitTrees } from './checkout/git-trees.ts'
import { keyFingerprint } from './checkout/key-fingerprint.ts'
import type { SourceDeps, SourceKey } from './checkout/source-cell.ts'
import { createJobProof, type JobProof } from './evidence/job-proof.ts'
import { releasedSecrets } from './evidence/released-secrets.ts'
import { createServerIdentity } from './identity/server-identity.ts'
import type { AttemptDeps } from './job-attempt.ts'
import { withSecrets } from './job-secrets.ts'
import { createLeakReports } from './leak-reports.ts'
import { createGrowingSink } from './logs/growing-sink.ts'
import { type PlanDeps, runPlanAttempt } from './plan.ts'
import { runRefsAttempt } from './refs.ts'
import { egressPolicy } from './sandbox-spec.ts'
import type { CarriedOut, LeaseDeps } from './session/life.ts'
import { createServerContinuing } from './setup/server-continuing.ts'
import { createServerSigning } from './signing/server-signing.ts'
import type { AttemptSink } from './sink.ts'
import type { JobSecret } from './steps/deliver-secrets.ts'
import { createServerStores, type ServerStoresDeps } from './stores/server-stores.ts'

export type CarryOutDeps = PlanDeps &
  SourceDeps &
  Pick<AttemptDeps, 'clock' | 'isolation'> & {
    readonly vaultSignKey: CryptoKey
    /** The operator's exceptions for jobs with an open network. */
    readonly egressRanges: readonly string[]
  }

export const createCarryOut =
  (deps: CarryOutDeps): LeaseDeps['carryOut'] =>
  async (grant, eph, sink, signal, server) => {
    const released = await openReleased(deps, grant, eph)
    if (!released.ok) return refusedRelease(grant)
    if (released.released.refused !== undefined) return unauthorized(grant, released.released.refused)
    const { key } = released
    const { spec } = grant
    if (spec.kind === 'plan') {
      const done = await runPlanAttempt(deps, { attempt: grant.attempt, lease: spec, key }, sink, signal)
      return { ...done, kept: keptOf(deps, { spec, key, commit: done.result.commit?.id ?? '' }) }
    }
    if (spec.kind === 'refs') {
      const done = await runRefsAttempt(deps, { attempt: grant.attempt, lease: spec, key }, sink, signal)
      return { ...done, kept: {} }
    }
    const proof = createJobProof({ ...deps, ...server, grant }, { grant, spec, key }, sink)
    const job = { grant, spec, key, server, proof }
    const done =
      released.released.owed === true
        ? await runOwed(deps, job, sink, signal)
        : await runJob(deps, { ...job, secrets: [], signing: [] }, sink, signal)
    return proof.ended().then(
      () => done,
      () => ({ ...done, destroyed: false }),
    )
  }

type LeasedJob = {
  readonly grant: LeaseGrant
  readonly spec: JobLease
  readonly key: SourceKey | null
  readonly server: ServerStoresDeps
  readonly proof: JobProof
}

/** Nothing of it begins before its secrets are there. */
const runOwed = async (
  deps: CarryOutDeps,
  job: LeasedJob,
  sink: AttemptSink,
  signal: AbortSignal,
): Promise<CarriedOut> => {
  const { grant, proof, server } = job
  const asking = { ...deps, ...server, grant }
  const given = await releasedSecrets(asking, { attempt: grant.attempt, proof }, sink, signal).catch(
    (error: unknown) => brokenRelease(deps, error, signal),
  )
  if (!given.ok) {
    const { ok: _, ...ended } = given
    return { ...nothingDone, ...ended, result: { kind: 'job' } }
  }
  const { signing = [] } = given.secrets
  const leaks = createLeakReports(asking)
  const done = await withSecrets(
    given.secrets,
    sink,
    (secrets, masked) => runJob(deps, { ...job, secrets, signing }, masked, signal),
    leaks,
  )
  // While the lease goes on: afterwards nobody would believe it.
  await leaks.settled()
  return { ...done, evidence: given.proof.evidence }
}

const brokenRelease = ({ log }: CarryOutDeps, error: unknown, signal: AbortSignal) => {
  const destroyed = !isFault(error, 'E_DESTROY_UNVERIFIED')
  if (signal.aborted) return { ok: false, ...stopped(signal), destroyed } as const
  const { code, public: message } = isFault(error) ? error : fault('E_DEFECT', { cause: error })
  log.error('a release broke', { code, error })
  return { ok: false, outcome: 'errored', reason: { code, message }, destroyed } as const
}

const runJob = async (
  deps: CarryOutDeps,
  {
    grant,
    spec,
    key,
    secrets,
    signing,
    server,
    proof,
  }: LeasedJob & { readonly secrets: readonly JobSecret[]; readonly signing: readonly string[] },
  sink: AttemptSink,
  signal: AbortSignal,
): Promise<CarriedOut> => {
  const { attempt } = grant
  const found = findClass(spec.class)
  if (!found.ok) {
    const message = `this runner has no resource class "${spec.class}"; the nearest is "${found.nearest}"`
    return {
      ...nothingDone,
      outcome: 'failed',
      reason: { code: 'E_CLASS_UNKNOWN', message },
      result: { kind: 'job' },
    }
  }
  const project = spec.project.id
  const { event } = spec.run
  const trees = createGitTrees(deps, { attempt, project, source: spec.source, key, event })
  // What the plan says of the network is part of what was proven.
  const egress = egressPolicy(spec.spec.egress ?? spec.egress, deps.egressRanges)
  const checkoutKey = key === null ? null : keyFingerprint(key.key.reveal('its fingerprint'))
  const job = {
    ...{ attempt, facts: spec, spec: spec.spec, limits: found.class.limits, egress, secrets },
    ...(checkoutKey === null ? {} : { checkoutKey }),
  }
  const stores = createServerStores(server, grant, spec)
  const asking = { ...deps, ...server, grant, prove: proof.prove }
  const continuing = createServerContinuing({ ...deps, ...server, proof }, grant, spec, key)
  const around = {
    ...{ ...deps, trees, stores, continuing },
    ...(signing.length === 0 ? {} : { signing: createServerSigning(asking, signing) }),
  }
  const done = await withIdentity(asking, { spec, signal }, sink, (identity, masked) =>
    runJobAttempt({ ...around, ...identity }, job, masked, signal),
  )
  return { ...done, result: { kind: 'job' }, kept: keptOf(deps, { spec, key, commit: event.commit }) }
}

/** Only a job that declares an audience has one to prove it to. */
const withIdentity = async <Done>(
  deps: Parameters<typeof createServerIdentity>[0],
  { spec: { spec }, signal }: { readonly spec: JobLease; readonly signal: AbortSignal },
  sink: AttemptSink,
  carryOut: (identity: Pick<AttemptDeps, 'identity'>, sink: AttemptSink) => Promise<Done>,
): Promise<Done> => {
  if (spec.audiences === undefined) return carryOut({}, sink)
  // Beside the making of its sandbox; who asks for a token hears what came of it.
  deps.prove(signal).catch(() => undefined)
  const growing = createGrowingSink(sink)
  try {
    return await carryOut({ identity: createServerIdentity(deps, growing.add) }, growing.sink)
  } finally {
    growing.close()
  }
}

/** For the receipt: a pack by its commit, a connection by its source host. */
const keptOf = (
  { packs, fetchers }: CarryOutDeps,
  {
    spec: { project, source },
    key,
    commit,
  }: { readonly spec: PlanLease | JobLease; readonly key: SourceKey | null; readonly commit: string },
): CarriedOut['kept'] => ({
  ...(packs.holds(project.id, commit) ? { pack: commit } : {}),
  ...(source.kind === 'ssh' && fetchers.keeps({ project: project.id, source, key })
    ? { connection: `${source.host}:${source.port}` }
    : {}),
})

type Released =
  | {
      readonly ok: true
      readonly key: SourceKey | null
      readonly released: Pick<JobPayload, 'owed' | 'refused'>
    }
  | { readonly ok: false }

const openReleased = async (
  deps: CarryOutDeps,
  grant: LeaseGrant,
  eph: OpeningKey | null,
): Promise<Released> => {
  if (grant.sealed === null) return { ok: true, key: null, released: {} }
  const options = { ticket: grant.ticket, vsign: deps.vaultSignKey }
  const bytes = eph === null ? null : await openRelease(eph, grant.sealed, options)
  if (bytes === null) return { ok: false }
  const payload: unknown = JSON.parse(Buffer.from(bytes).toString('utf8'))
  if (grant.spec.kind !== 'job') {
    const parsed = parseShape(agentPayload, payload)
    return parsed.ok ? { ok: true, key: sourceKey(grant, parsed.value), released: {} } : { ok: false }
  }
  const parsed = parseShape(jobPayload, payload)
  if (!parsed.ok) return { ok: false }
  const { agent } = parsed.value
  return { ok: true, key: agent === null ? null : sourceKey(grant, agent), released: parsed.value }
}

const sourceKey = ({ ticket }: LeaseGrant, { keyPem, hostKeys }: AgentPayload): SourceKey => ({
  ...{ key: new Secret(keyPem), hostKeys, tier: tierOf(ticket) },
})

/** The vault answered to this ticket, so it is genuine; one without a tier shares with others without. */
const tierOf = (ticket: string): string => {
  const claims: unknown = JSON.parse(Buffer.from(ticket.split('.')[1] ?? '', 'base64url').toString())
  return typeof claims === 'object' && claims !== null && 'tier' in claims ? String(claims.tier) : ''
}

const nothingDone = { receipt: null, destroyed: true, kept: {} }

/** The vault refused a context that the job names: nothing of the job happens. */
const unauthorized = (
  { spec }: LeaseGrant,
  { context, rule }: NonNullable<JobPayload['refused']>,
): CarriedOut => {
  const names = spec.kind === 'job' ? spec.spec.contexts : []
  const name = names.find((one) => contextId(spec.organisation.id, one) === context) ?? context
  const { code, public: message } = fault('E_CONTEXT_REFUSED', { public: refusalText(name, rule) })
  return { ...nothingDone, outcome: 'skipped:policy', reason: { code, message }, result: { kind: 'job' } }
}

const refusedRelease = (grant: LeaseGrant): CarriedOut => {
  const { code, public: message } = fault('E_PROTOCOL', {
    public: 'what the vault released could not be opened',
  })
  const result: CarriedOut['result'] =
    grant.spec.kind === 'plan'
      ? { kind: 'plan', plan: null, planDigest: null, origins: {}, problems: [], commit: null }
      : grant.spec.kind === 'refs'
        ? { kind: 'refs', refs: [], hostKeys: [] }
        : { kind: 'job' }
  return { ...nothingDone, outcome: 'errored', reason: { code, message }, result }
}
