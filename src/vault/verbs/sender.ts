// The keys that sign webhooks: for each target a secret for HMAC and a pair of Ed25519, open here only while they sign. The
// server sends what is signed here and can forge nothing once it is gone; a stolen database signs nothing at all.
import { fromBase64Url, toBase64Url, utf8 } from '../../base/bytes.ts'
import type { Clock, RandomBytes } from '../../base/clock.ts'
import { fault } from '../../base/faults.ts'
import type { ProjectId, WebhookId } from '../../base/ids.ts'
import type { VaultAnswer, VaultRequest } from '../../protocol/vault.ts'
import { webhookPublicKeyPrefix, webhookSecretPrefix } from '../../protocol/webhooks.ts'
import { generateSigningKey, sealWebhookSecret } from '../../seal/index.ts'
import type { MasterKey } from '../keys/keyring.ts'
import { bodySignature, hmacSignature, keySignature } from '../keys/message-signatures.ts'
import { sendersPerProjectMax } from '../limits.ts'
import type { Records, SenderRecord } from '../store/records.ts'
import { findProject } from './project.ts'

export type SenderDeps = {
  readonly records: Records
  readonly master: MasterKey
  readonly clock: Clock
  readonly randomBytes: RandomBytes
}
type Keys = SenderRecord['keys'][number]
type Made = { readonly keys: Keys; readonly secretSealed: string }

const contextOf = (part: 'secret' | 'private', webhook: WebhookId, version: number) => ({
  kind: `sender-${part}`,
  webhook,
  v: version,
})
const secretBytes = 32

export const createSender = async (
  deps: SenderDeps,
  request: VaultRequest<'sender.create'>,
): Promise<VaultAnswer<'sender.create'>> => {
  const { webhook, project } = request
  findProject(deps.records, project)
  const made = await makeKeys(deps, request, 1)
  await deps.records.change('sender', webhook, (current) => {
    if (current !== null) throw fault('E_CONFLICT', { public: 'The vault knows this target already' })
    const others = deps.records.list('sender').filter((sender) => sender.project === project)
    if (others.length >= sendersPerProjectMax)
      throw fault('E_CONFLICT', { public: `At most ${sendersPerProjectMax} targets in a project` })
    return { webhook, project, keys: [made.keys], unsigned: true }
  })
  return shown(made)
}

/** Of the keys before only the last pair goes on signing, until its time is over. */
export const rotateSender = async (
  deps: SenderDeps,
  request: VaultRequest<'sender.rotate'>,
): Promise<VaultAnswer<'sender.rotate'>> => {
  const made = await makeKeys(deps, request, newestOf(findSender(deps, request)).version + 1)
  await deps.records.change('sender', request.webhook, (current) => {
    if (current?.project !== request.project) throw absent()
    const newest = newestOf(current)
    if (newest.version !== made.keys.version - 1)
      throw fault('E_CONFLICT', { public: 'Somebody else has just changed this secret' })
    const endsAt = nowSeconds(deps.clock) + request.overlapSeconds
    const kept = request.overlapSeconds === 0 ? [] : [{ ...newest, endsAt }]
    return { ...current, keys: [made.keys, ...kept] }
  })
  return shown(made)
}

/** Idempotent: what is not there is deleted. */
export const deleteSender = async (
  deps: Pick<SenderDeps, 'records'>,
  { webhook, project }: VaultRequest<'sender.delete'>,
): Promise<{ ok: true }> => {
  await deps.records.change('sender', webhook, (current) => (current?.project === project ? null : current))
  return { ok: true }
}

export const deleteSenders = async (deps: Pick<SenderDeps, 'records'>, project: ProjectId): Promise<void> => {
  for (const sender of deps.records.list('sender'))
    if (sender.project === project) await deps.records.change('sender', sender.webhook, () => null)
}

/** With every pair that counts, the newest first. */
export const signMessage = async (
  deps: SenderDeps,
  request: VaultRequest<'sender.sign'>,
): Promise<VaultAnswer<'sender.sign'>> => {
  const { webhook } = request
  const now = nowSeconds(deps.clock)
  const valid = findSender(deps, request).keys.filter(({ endsAt }) => endsAt === null || endsAt > now)
  const standard: string[] = []
  const ofBody: string[] = []
  for (const { version, ...keys } of valid) {
    const secret = await deps.master.unwrap(keys.secret, contextOf('secret', webhook, version))
    const text = utf8(textOf(secret))
    const pkcs8 = await deps.master.unwrap(keys.private, contextOf('private', webhook, version))
    standard.push(hmacSignature(secret, request), keySignature(pkcs8, request))
    ofBody.push(bodySignature(text, request.body))
    for (const bytes of [secret, text, pkcs8]) bytes.fill(0)
  }
  return { standard, circleci: ofBody[0] ?? '' }
}

const findSender = (
  { records }: Pick<SenderDeps, 'records'>,
  { webhook, project }: { readonly webhook: WebhookId; readonly project: ProjectId },
): SenderRecord => {
  const found = records.find('sender', webhook)
  if (found?.project !== project) throw absent()
  return found
}

const newestOf = ({ keys: [newest] }: SenderRecord): Keys => {
  if (newest === undefined) throw new Error('a target without keys')
  return newest
}

const makeKeys = async (
  { master, randomBytes }: SenderDeps,
  { webhook, eph }: { readonly webhook: WebhookId; readonly eph: string },
  version: number,
): Promise<Made> => {
  const secret = randomBytes(secretBytes)
  const pair = await generateSigningKey()
  const text = utf8(textOf(secret))
  const sealed = await sealWebhookSecret(fromBase64Url(eph) ?? new Uint8Array(0), text, webhook)
  if (sealed === null) throw fault('E_INPUT', { public: 'eph is not a usable X25519 key' })
  const keys: Keys = {
    version,
    secret: await master.wrap(secret, contextOf('secret', webhook, version)),
    private: await master.wrap(pair.pkcs8, contextOf('private', webhook, version)),
    publicKey: `${webhookPublicKeyPrefix}${Buffer.from(pair.publicKey).toString('base64')}`,
    endsAt: null,
  }
  for (const bytes of [secret, text, pair.pkcs8]) bytes.fill(0)
  return { keys, secretSealed: toBase64Url(sealed) }
}

const shown = ({ keys, secretSealed }: Made) => ({
  secretSealed,
  publicKey: keys.publicKey,
  version: keys.version,
})

/** As people see it: the key of Standard Webhooks is what the base64 says, that of the other form is this text. */
const textOf = (secret: Uint8Array): string =>
  `${webhookSecretPrefix}${Buffer.from(secret).toString('base64')}`

const nowSeconds = (clock: Clock): number => Math.floor(clock.now() / 1000)
const absent = () => fault('E_NOT_FOUND', { public: 'The vault does not know this target' })
