// The release of an item to a runner (trust-model.md §4.4):
//   1. the ticket is the server's, in time, unused and of this epoch
//   2. the runner is enrolled, in scope, and its own signed request offered the key that the answer goes to
//   3. the item exists and belongs to the ticket's project
//   4. secrets: what the runner has proven of the job is what ticket and project say (policy/evidence.ts)
//   5. ticket and key are burnt, durably
//   6. only then the item is opened, sealed to the key and signed
import { fromBase64Url, toBase64Url, utf8 } from '../../base/bytes.ts'
import type { Clock, RandomBytes } from '../../base/clock.ts'
import { type Fault, fault } from '../../base/faults.ts'
import type { Evidence } from '../../protocol/evidence.ts'
import type { IdentityPayload, IdentityRequest } from '../../protocol/identity.ts'
import type { ReleasedSecret, SecretsPayload } from '../../protocol/released.ts'
import type {
  AgentPayload,
  BlobKeyPayload,
  JobPayload,
  ObjectsPayload,
  ReleaseItem,
  TicketClaims,
  VaultAnswer,
  VaultRequest,
} from '../../protocol/vault.ts'
import { openLogKey, prepareRelease } from '../../seal/index.ts'
import { openSshPrivateKey } from '../keys/deploy-key.ts'
import type { IdentityKeys } from '../keys/identity-keys.ts'
import type { MasterKey } from '../keys/keyring.ts'
import type { ServiceKeys } from '../keys/service-keys.ts'
import type { StepCounter } from '../policy/step-counter.ts'
import { checkRunnerScope, verifierOf, verifyPoll, verifyTicket } from '../policy/ticket.ts'
import type { Given } from '../store/given.ts'
import type { ProjectRecord, Records, SecretRecord } from '../store/records.ts'
import type { UsedLog } from '../store/used.ts'
import type { Uses } from '../store/uses.ts'
import type { Values } from '../store/values.ts'
import { type Admitted, type AdmittedSecret, admittedBy, admittedFor, nothingAdmitted } from './admitted.ts'
import { checkIdentity, mintTokens } from './identity.ts'
import { findOwner, ownerOf } from './owner.ts'
import { findProject, wrapContexts } from './project.ts'
import { checkSecretsRequest, factsOf as provenFacts } from './proven.ts'
import { openSecrets } from './secret.ts'
import { openObjects } from './stored.ts'

export type ReleaseDeps = {
  readonly records: Records
  readonly master: MasterKey
  readonly keys: ServiceKeys
  readonly identityKeys: IdentityKeys
  readonly stepCounter: StepCounter
  readonly oidcBase: string
  readonly used: UsedLog
  readonly uses: Uses
  readonly given: Given
  readonly values: Values
  readonly clock: Clock
  readonly randomBytes: RandomBytes
  readonly epoch: string
  /** One durable line about every release. */
  readonly audit: (facts: Readonly<Record<string, string>>) => Promise<void>
}

export const release = async (
  deps: ReleaseDeps,
  request: VaultRequest<'release'>,
): Promise<VaultAnswer<'release'>> => {
  const claims = await authorise(deps, request)
  const [item] = request.want
  if (item === undefined) throw fault('E_INPUT')
  const project = findProject(deps.records, claims.project)
  checkItem(item, claims, project)
  const of = { claims, project }
  const proven = item.type === 'secrets' ? await checkSecretsRequest(deps, of, request.poll.body) : null
  const asked = item.type === 'oidc' ? await checkIdentity(deps, of, request.poll.body) : null
  const { jti, exp, eph, runner, attempt } = claims
  const nowSeconds = Math.floor(deps.clock.now() / 1000)
  const admitted = admittedTo(item, proven, () => admittedBy(deps.records, claims, nowSeconds))
  const facts = { verb: 'release', type: item.type, jti, runner, attempt, project: claims.project }
  // Decided before anything is written about it; all that is written is on the disk before anything is opened.
  const burnt = deps.used.burn({ jti, exp, eph })
  const to = { ticket: request.ticket, vsign: deps.keys.vsign.privateKey }
  const preparing = prepareRelease(fromBase64Url(eph) ?? new Uint8Array(0), to)
  const [seal] = await Promise.all([
    preparing,
    burnt,
    deps.audit({ ...facts, ...factsOf({ admitted, asked, proven, claims }) }),
    proven === null ? undefined : recordUse(deps, claims, admitted.secrets),
    proven === null ? undefined : recordGiven(deps, claims, admitted.secrets),
  ])
  if (seal === null) throw fault('E_INPUT', { public: 'eph is not a usable X25519 key' })
  const payload = await openItem(deps, item, { claims, project, admitted, asked })
  const sealed = await seal(payload)
  payload.fill(0)
  return { sealed }
}

type AuthorisedClaims = TicketClaims & { readonly eph: string }

/** A used ticket says so even after a restart: a replay is worth more attention than an old epoch. */
export const authorise = async (
  deps: ReleaseDeps,
  request: Pick<VaultRequest<'release'>, 'ticket' | 'poll'>,
): Promise<AuthorisedClaims> => {
  const nowSeconds = Math.floor(deps.clock.now() / 1000)
  const pinned = deps.records.find('settings', 'server')?.ticketKey
  const ticketKey = pinned === undefined ? null : await verifierOf(pinned)
  const claims = await verifyTicket(request.ticket, { ticketKey, nowSeconds })
  if (deps.used.isUsed(claims.jti)) throw fault('E_USED')
  if (claims.epoch !== deps.epoch) throw fault('E_EPOCH')
  const { eph } = claims
  if (eph === undefined) throw fault('E_INPUT', { public: 'The ticket names no key to seal to' })
  const runner = checkRunnerScope(deps.records.find('runner', claims.runner), claims)
  await verifyPoll(request.poll, { runner, eph, nowSeconds })
  return { ...claims, eph }
}

type From = {
  readonly claims: TicketClaims
  readonly project: ProjectRecord
  readonly admitted: Admitted
  readonly asked: IdentityRequest | null
}

/** `job` tells whether there is anything; it goes out for evidence only. */
const admittedTo = (item: ReleaseItem, proven: Evidence | null, admit: () => Admitted): Admitted => {
  if (item.type === 'job') return admit()
  if (proven === null) return nothingAdmitted
  const admitted = admit()
  if (admitted.refused !== undefined) throw fault('E_CONTEXT_REFUSED')
  return admittedFor(admitted, proven)
}

const factsOf = ({
  admitted: { secrets, refused },
  asked,
  proven,
  claims: { org },
}: Pick<From, 'admitted' | 'asked' | 'claims'> & { readonly proven: Evidence | null }): Readonly<
  Record<string, string>
> => ({
  ...(proven === null ? {} : provenFacts(proven)),
  ...(asked === null ? {} : { audiences: asked.audiences.map((each) => each ?? org).join(' ') }),
  ...(proven !== null && secrets.some(({ context }) => context !== undefined)
    ? { contexts: [...new Set(secrets.flatMap(({ context }) => context ?? []))].join(' ') }
    : {}),
  ...(proven === null || secrets.length === 0
    ? {}
    : { secrets: secrets.map(({ name, as }) => as ?? name).join(' ') }),
  ...(refused === undefined ? {} : { refused: refused.context, rule: refused.rule }),
})

const checkItem = (item: ReleaseItem, claims: TicketClaims, project: ProjectRecord): void => {
  if (project.org !== claims.org) throw fault('E_RUNNER_SCOPE')
  if (item.type === 'blobkey' && item.object !== claims.attempt) throw fault('E_RUNNER_SCOPE')
  if (item.type !== 'blobkey' && (item.type === 'agent') === (claims.purpose === 'job'))
    throw fault('E_INPUT', { public: 'The ticket is for another purpose' })
  if (item.type === 'agent' && project.deploy === null) throw noDeployKey()
}

const openItem = async (deps: ReleaseDeps, item: ReleaseItem, from: From): Promise<Uint8Array> =>
  utf8(JSON.stringify(await payloadOf(deps, item, from)))

const payloadOf = (
  deps: ReleaseDeps,
  item: ReleaseItem,
  { claims, project, admitted, asked }: From,
): Promise<
  AgentPayload | JobPayload | SecretsPayload | BlobKeyPayload | ObjectsPayload | IdentityPayload
> => {
  if (item.type === 'objects') return openObjects(deps, item.objects, claims)
  if (item.type === 'blobkey') return openBlobKey(deps, item, claims)
  if (item.type === 'secrets') return openAdmitted(deps, admitted)
  if (asked !== null) return mintTokens(deps, { claims, project, asked })
  return item.type === 'job' ? openJob(deps, project, admitted) : openAgent(deps, project)
}

const openJob = async (
  deps: ReleaseDeps,
  project: ProjectRecord,
  { secrets, signing, refused }: Admitted,
): Promise<JobPayload> => {
  if (refused !== undefined) return { agent: null, refused }
  const agent = project.deploy === null ? null : await openAgent(deps, project)
  return { agent, ...(secrets.length + signing.length === 0 ? {} : { owed: true }) }
}

const openAdmitted = async (
  deps: ReleaseDeps,
  { secrets, signing, stale = [] }: Admitted,
): Promise<SecretsPayload> => {
  const owners = [...new Set(secrets.map(ownerOf))]
  const opened = await Promise.all(owners.map((owner) => openSecrets(deps, findOwner(deps.records, owner))))
  const openers = new Map(owners.map((owner, i) => [owner, opened[i]]))
  const open = (record: SecretRecord) => {
    const opener = openers.get(ownerOf(record))
    if (opener === undefined) throw new Error('every owner was opened')
    return opener.open(record)
  }
  return {
    ...(stale.length === 0 ? {} : { stale }),
    ...(signing.length === 0 ? {} : { signing: signing.map(({ name }) => name) }),
    ...(opened[0] === undefined ? {} : { canary: opened[0].canary }),
    secrets: await Promise.all(secrets.map((record) => openSecretOf(open, record))),
  }
}

const openSecretOf = async (
  open: (record: SecretRecord) => Promise<Uint8Array>,
  record: AdmittedSecret,
): Promise<ReleasedSecret> => {
  const { name, as, kind, hosts } = record
  if (kind === 'signing') throw new Error('a signing key goes nowhere')
  const value = await open(record)
  const text = toBase64Url(value)
  value.fill(0)
  return { name: as ?? name, kind, value: text, ...(hosts === undefined ? {} : { hosts }) }
}

/** Who had them last, by which run. */
export const recordUse = async (
  { uses, clock }: ReleaseDeps,
  { run, job, attempt }: TicketClaims,
  secrets: readonly SecretRecord[],
): Promise<void> => {
  if (secrets.length === 0 || run === undefined || job === undefined) return
  const use = { at: Math.floor(clock.now() / 1000), run, job, attempt }
  await uses.add(
    use,
    secrets.map(({ secret }) => secret),
  )
}

/** For whoever tells later that one of them leaked. */
const recordGiven = async (
  { given, clock }: ReleaseDeps,
  { attempt, runner }: TicketClaims,
  secrets: readonly AdmittedSecret[],
): Promise<void> => {
  if (secrets.length === 0) return
  const at = Math.floor(clock.now() / 1000)
  const all = secrets.map(({ name, as, secret, version }) => ({ as: as ?? name, secret, version }))
  await given.add({ at, attempt, runner, secrets: all })
}

const openAgent = async (deps: ReleaseDeps, project: ProjectRecord): Promise<AgentPayload> => {
  const { deploy, source, hostKeys } = project
  if (deploy === null || source.kind !== 'ssh') throw noDeployKey()
  const check = deps.randomBytes(4)
  const seed = await deps.master.unwrap(deploy.wrapped, wrapContexts.deploy(project.project))
  const keyPem = openSshPrivateKey({ seed, publicLine: deploy.publicLine, check })
  seed.fill(0)
  return { keyPem, repoUrl: source.url, hostKeys }
}

const openBlobKey = async (
  deps: ReleaseDeps,
  item: Extract<ReleaseItem, { type: 'blobkey' }>,
  { project, attempt }: TicketClaims,
): Promise<BlobKeyPayload> => {
  const sealed = fromBase64Url(item.sealedKey) ?? new Uint8Array(0)
  const key = await openLogKey(deps.keys.ingest, sealed, { project, attempt })
  if (key === null)
    throw fault('E_INPUT', { public: 'The log key is not sealed to this vault for this attempt' })
  const text = toBase64Url(key)
  key.fill(0)
  return { key: text }
}

const noDeployKey = (): Fault => fault('E_NOT_FOUND', { public: 'This project has no deploy key' })
