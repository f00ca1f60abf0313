// The release of an item to a runner (trust-model.md §4.4, for the items that come before evidence can exist):
//   1. the ticket is the server's, in time, unused and of this epoch
//   2. the runner is enrolled, in scope, and its own signed poll offered the key that the answer goes to
//   3. the item exists and belongs to the ticket's project
//   4. ticket and key are burnt, durably
//   5. only then the item is opened, sealed to the key and signed
import { fromBase64Url, toBase64Url, utf8 } from '../../base/bytes.ts'
import type { Clock, RandomBytes } from '../../base/clock.ts'
import { type Fault, fault } from '../../base/faults.ts'
import type {
  AgentPayload,
  BlobKeyPayload,
  JobPayload,
  ReleaseItem,
  TicketClaims,
  VaultAnswer,
  VaultRequest,
} from '../../protocol/vault.ts'
import { importVerifyKey, openLogKey, sealRelease } from '../../seal/index.ts'
import { openSshPrivateKey } from '../keys/deploy-key.ts'
import type { MasterKey } from '../keys/keyring.ts'
import type { ServiceKeys } from '../keys/service-keys.ts'
import { checkRunnerScope, verifyPoll, verifyTicket } from '../policy/ticket.ts'
import type { ProjectRecord, Records } from '../store/records.ts'
import type { UsedLog } from '../store/used.ts'
import { findProject, wrapContexts } from './project.ts'

export type ReleaseDeps = {
  readonly records: Records
  readonly master: MasterKey
  readonly keys: ServiceKeys
  readonly used: UsedLog
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
  const { jti, exp, eph, runner, attempt } = claims
  await deps.used.burn({ jti, exp, eph })
  await deps.audit({ verb: 'release', type: item.type, jti, runner, attempt, project: claims.project })
  const payload = await openItem(deps, item, { claims, project })
  const sealed = await sealRelease(fromBase64Url(eph) ?? new Uint8Array(0), payload, {
    ticket: request.ticket,
    vsign: deps.keys.vsign.privateKey,
  })
  payload.fill(0)
  if (sealed === null) throw fault('E_INPUT', { public: 'eph is not a usable X25519 key' })
  return { sealed }
}

type AuthorisedClaims = TicketClaims & { readonly eph: string }

/** A used ticket says so even after a restart: a replay is worth more attention than an old epoch. */
const authorise = async (deps: ReleaseDeps, request: VaultRequest<'release'>): Promise<AuthorisedClaims> => {
  const nowSeconds = Math.floor(deps.clock.now() / 1000)
  const pinned = deps.records.find('settings', 'server')?.ticketKey
  const ticketKey =
    pinned === undefined ? null : await importVerifyKey(fromBase64Url(pinned) ?? new Uint8Array(0))
  const claims = await verifyTicket(request.ticket, { ticketKey, nowSeconds })
  if (deps.used.isUsed(claims.jti)) throw fault('E_USED')
  if (claims.epoch !== deps.epoch) throw fault('E_EPOCH')
  const { eph } = claims
  if (eph === undefined) throw fault('E_INPUT', { public: 'The ticket names no key to seal to' })
  const runner = checkRunnerScope(deps.records.find('runner', claims.runner), claims)
  await verifyPoll(request.poll, { runner, eph, nowSeconds })
  return { ...claims, eph }
}

const checkItem = (item: ReleaseItem, claims: TicketClaims, project: ProjectRecord): void => {
  if (project.org !== claims.org) throw fault('E_RUNNER_SCOPE')
  if (item.type === 'blobkey' && item.object !== claims.attempt) throw fault('E_RUNNER_SCOPE')
  if (item.type !== 'blobkey' && (item.type === 'job') !== (claims.purpose === 'job'))
    throw fault('E_INPUT', { public: 'The ticket is for another purpose' })
  if (item.type === 'agent' && project.deploy === null) throw noDeployKey()
}

const openItem = async (
  deps: ReleaseDeps,
  item: ReleaseItem,
  from: { readonly claims: TicketClaims; readonly project: ProjectRecord },
): Promise<Uint8Array> => utf8(JSON.stringify(await payloadOf(deps, item, from)))

const payloadOf = (
  deps: ReleaseDeps,
  item: ReleaseItem,
  { claims, project }: { readonly claims: TicketClaims; readonly project: ProjectRecord },
): Promise<AgentPayload | JobPayload | BlobKeyPayload> => {
  if (item.type === 'blobkey') return openBlobKey(deps, item, claims)
  return item.type === 'job' ? openJob(deps, project) : openAgent(deps, project)
}

const openJob = async (deps: ReleaseDeps, project: ProjectRecord): Promise<JobPayload> => ({
  agent: project.deploy === null ? null : await openAgent(deps, project),
  secrets: [],
})

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
