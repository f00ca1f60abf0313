// The vault: opens root key, keyring, store and logs, and answers the verbs. Holds everything worth stealing, offers
// no verb that reads it back, imports nothing but Node, base/, protocol/, seal/ and sys/.
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { toBase64Url } from '../base/bytes.ts'
import type { Clock, RandomBytes } from '../base/clock.ts'
import type { Log } from '../base/log.ts'
import type { VaultRequest } from '../protocol/vault.ts'
import { signIngestKey } from '../seal/index.ts'
import { ensureDirectory } from '../sys/index.ts'
import { createDispatch, type Handlers, type VaultHttpAnswer, type VaultHttpRequest } from './dispatch.ts'
import { createIdentityKeys, type IdentityKeys } from './keys/identity-keys.ts'
import { type MasterKey, openKeyring } from './keys/keyring.ts'
import { readRootKey } from './keys/root-key.ts'
import { openServiceKeys, type ServiceKeys, serviceKeyVersion } from './keys/service-keys.ts'
import { ingestKeyLifeSeconds, leaksPerAttempt, signaturesPerStep, tokensPerStep } from './limits.ts'
import { createOpenCounter } from './policy/opens.ts'
import { createStepCounter, type StepCounter } from './policy/step-counter.ts'
import { openAuditLog } from './store/audit-log.ts'
import { type Given, openGiven } from './store/given.ts'
import { openRecords, type Records } from './store/records.ts'
import { openUsedLog, type UsedLog } from './store/used.ts'
import { openUses, type Uses } from './store/uses.ts'
import { openValues, type Values } from './store/values.ts'
import { admitProjects, admitWhatWasThere, listAdmissions } from './verbs/admission.ts'
import { openBlobKey, rewrapBlobKey } from './verbs/blob.ts'
import { deleteContext, listContexts, putContext } from './verbs/context.ts'
import { listIssuers, tellIssuer, tellProject } from './verbs/identity.ts'
import { tellLeak } from './verbs/leak.ts'
import { ownerMembers } from './verbs/owner.ts'
import { createProject, deleteProject, rotateHook, setProject } from './verbs/project.ts'
import { release } from './verbs/release.ts'
import { setRule, tellRule } from './verbs/rule.ts'
import { enrollRunner, revokeRunner, setTicketKey } from './verbs/runner.ts'
import { deleteSecrets, listSecrets, putSecret, revokeSecret, setSecret } from './verbs/secret.ts'
import { createSender, deleteSender, deleteSenders, rotateSender, signMessage } from './verbs/sender.ts'
import { signForStep } from './verbs/sign.ts'
import { createSigners } from './verbs/signer.ts'
import { keepObject, openKeyForPerson } from './verbs/stored.ts'
import { createWebhookVerifier } from './verbs/webhook.ts'

export type VaultOptions = {
  readonly dataDir: string
  readonly rootKeyPath: string
  readonly keyringPath: string
  /** Bound into every wrapping, so that two installations with one root key cannot open each other's keys. */
  readonly installation: string
  /** What the issuers of identity tokens begin with; no trailing slash. */
  readonly oidcBase: string
  readonly clock: Clock
  readonly randomBytes: RandomBytes
  readonly log: Log
}

export interface Vault {
  readonly epoch: string
  handleServer(request: VaultHttpRequest): Promise<VaultHttpAnswer>
  handleAdmin(request: VaultHttpRequest): Promise<VaultHttpAnswer>
  /** Idempotent. Requests under way fail once their log is closed. */
  close(): Promise<void>
}

export const openVault = async (options: VaultOptions): Promise<Vault> => {
  const { dataDir, clock, randomBytes, log } = options
  const root = join(dataDir, 'store')
  const storeExists = await exists(root)
  await ensureDirectory(dataDir)
  const rootKey = await readRootKey(options.rootKeyPath, { outside: [dataDir] })
  const { installation, keyringPath: path } = options
  const master = await openKeyring({ path, rootKey, installation, randomBytes, storeExists })
  const records = await openRecords({ root, macKey: master.storeKey })
  await admitWhatWasThere(records, { storeExists, nowSeconds: Math.floor(clock.now() / 1000) })
  const keys = await openServiceKeys(records, master)
  const webhook = await createWebhookVerifier({ records, master, randomBytes })
  const used = await openUsedLog({ dataDir, clock })
  const isRevoked = (secret: string) => records.find('secret', secret)?.state === 'revoked'
  const [uses, values] = [await openUses(dataDir), await openValues(dataDir, isRevoked)]
  const given = await openGiven({ dataDir, clock })
  const auditLog = await openAuditLog({ dataDir, clock })
  const audit = (facts: Readonly<Record<string, string>>) =>
    auditLog.append(JSON.stringify({ at: new Date(clock.now()).toISOString(), ...facts }))
  const epoch = toBase64Url(randomBytes(16))
  const handlers = createHandlers({
    records,
    master,
    keys,
    identityKeys: createIdentityKeys({ records, master, clock }),
    stepCounter: createStepCounter(clock, tokensPerStep),
    signatures: createStepCounter(clock, signaturesPerStep),
    reports: createStepCounter(clock, leaksPerAttempt),
    oidcBase: options.oidcBase,
    used,
    uses,
    given,
    values,
    clock,
    randomBytes,
    epoch,
    audit,
  })
  const dispatch = createDispatch({ handlers, webhook, log })
  return {
    epoch,
    handleServer: dispatch('server'),
    handleAdmin: dispatch('admin'),
    close: async () => {
      await Promise.all([used.close(), uses.close(), given.close(), auditLog.close()])
    },
  }
}

type Parts = {
  readonly records: Records
  readonly master: MasterKey
  readonly keys: ServiceKeys
  readonly identityKeys: IdentityKeys
  readonly stepCounter: StepCounter
  readonly signatures: StepCounter
  readonly reports: StepCounter
  readonly oidcBase: string
  readonly used: UsedLog
  readonly uses: Uses
  readonly given: Given
  readonly values: Values
  readonly clock: Clock
  readonly randomBytes: RandomBytes
  readonly epoch: string
  readonly audit: (facts: Readonly<Record<string, string>>) => Promise<void>
}

const createHandlers = (parts: Parts): Handlers => {
  const { records, keys, audit } = parts
  const blobs = { ...parts, opens: createOpenCounter(parts.clock) }
  const vsign = toBase64Url(keys.vsign.publicKey)
  const audited = auditedBy(audit)
  return {
    health: () => health(parts),
    'ingest.key': () => ingestKey(parts),
    'project.create': (request) =>
      audited({ verb: 'project.create', project: request.project }, createProject(parts, request)),
    'project.set': (request) =>
      audited({ verb: 'project.set', project: request.project }, setProject(parts, request)),
    'project.delete': (request) =>
      audited({ verb: 'project.delete', project: request.project }, endProject(parts, request)),
    'hook.rotate': (request) =>
      audited({ verb: 'hook.rotate', project: request.project }, rotateHook(parts, request)),
    'project.admissions': (request) => listAdmissions(parts, request),
    'project.admit': (request) => audited(admissionFacts(request), admitProjects(parts, request)),
    ...senderHandlers(parts),
    'runner.enroll': async (request) => {
      await audited({ verb: 'runner.enroll', runner: request.runner }, enrollRunner(records, request))
      return { runner: request.runner, vsign }
    },
    'runner.revoke': async (request) => {
      await audited({ verb: 'runner.revoke', runner: request.runner }, revokeRunner(records, request))
      return { ok: true }
    },
    'ticketkey.set': async (request) => {
      await audited({ verb: 'ticketkey.set', publicKey: request.publicKey }, setTicketKey(records, request))
      return { ok: true }
    },
    ...signerHandlers(parts),
    'secret.put': (request) => audited(secretFacts('secret.put', request), putSecret(parts, request)),
    'secret.set': (request) => audited(secretFacts('secret.set', request), setSecret(parts, request)),
    'secret.revoke': (request) =>
      audited(secretFacts('secret.revoke', request), revokeSecret(parts, request)),
    'secret.list': (request) => listSecrets(parts, request),
    'oidc.issuer': (request) => tellIssuer(parts, request),
    'oidc.project': (request) => tellProject(parts, request),
    'oidc.issuers': () => listIssuers(parts),
    'oidc.rotate': async () => {
      const kid = await parts.identityKeys.rotate()
      await audit({ verb: 'oidc.rotate', kid })
      return { kid }
    },
    'context.put': (request) => audited(contextFacts('context.put', request), putContext(parts, request)),
    'context.delete': (request) =>
      audited(contextFacts('context.delete', request), deleteContext(parts, request)),
    'context.list': (request) => listContexts(parts, request),
    release: (request) => release(parts, request),
    sign: (request) => signForStep(parts, request),
    'secret.leaked': (request) => tellLeak(parts, request),
    'blob.key': (request) => openBlobKey(blobs, request),
    'blob.rewrap': (request) => rewrapBlobKey(blobs, request),
    'object.keep': (request) => keepObject(parts, request),
    'object.key': (request) => openKeyForPerson(blobs, request),
  }
}

/** First the project: what is left of it after a crash belongs to nobody. */
const endProject = async (parts: Parts, request: VaultRequest<'project.delete'>) => {
  const done = await deleteProject(parts, request)
  await deleteSecrets(parts, request.project)
  await deleteSenders(parts, request.project)
  return done
}

/** Changes of who may get what are written down once they hold. */
const auditedBy =
  (audit: Parts['audit']) =>
  async <T>(facts: Readonly<Record<string, string>>, change: Promise<T>): Promise<T> => {
    const result = await change
    await audit(facts)
    return result
  }

type SignerVerb =
  | 'signer.code'
  | 'signer.enroll'
  | 'signer.remove'
  | 'signer.person'
  | 'signer.lost'
  | 'signer.list'
const signerHandlers = (parts: Parts): Pick<Handlers, SignerVerb | 'rules.get' | 'rules.set'> => {
  const audited = auditedBy(parts.audit)
  const signers = createSigners(parts)
  return {
    'signer.code': async () => audited({ verb: 'signer.code' }, Promise.resolve(signers.makeCode())),
    'signer.enroll': async (request) => {
      const enrolled = await signers.enroll(request)
      await parts.audit({ verb: 'signer.enroll', signer: enrolled.signer })
      return enrolled
    },
    'signer.remove': ({ statement, proof }) =>
      audited(
        { verb: 'signer.remove', signer: statement.sub, by: statement.iss },
        signers.remove({ statement, proof }),
      ),
    'signer.person': (request) => audited({ verb: 'signer.person', ...request }, signers.belongsTo(request)),
    'signer.lost': (request) => audited({ verb: 'signer.lost', ...request }, signers.isLost(request)),
    'signer.list': () => signers.list(),
    'rules.get': (request) => tellRule(parts, request),
    'rules.set': (request) =>
      audited(
        { verb: 'rules.set', org: request.org, by: request.statement.iss, ...secondOf(request) },
        setRule(parts, request),
      ),
  }
}

const senderHandlers = (
  parts: Parts,
): Pick<Handlers, 'sender.create' | 'sender.rotate' | 'sender.delete' | 'sender.sign'> => {
  const noted = async <T>(verb: string, request: VaultRequest<'sender.delete'>, change: Promise<T>) => {
    const result = await change
    await parts.audit({ verb, webhook: request.webhook, project: request.project })
    return result
  }
  return {
    'sender.create': (request) => noted('sender.create', request, createSender(parts, request)),
    'sender.rotate': (request) => noted('sender.rotate', request, rotateSender(parts, request)),
    'sender.delete': (request) => noted('sender.delete', request, deleteSender(parts, request)),
    'sender.sign': (request) => signMessage(parts, request),
  }
}

type BySecond = { readonly second?: VaultRequest<'rules.set'>['second'] }
const secondOf = ({ second }: BySecond) => (second === undefined ? {} : { second: second.statement.iss })

const secretFacts = (verb: string, request: VaultRequest<'secret.revoke'> & BySecond) => ({
  verb,
  ...ownerMembers(request.owner),
  name: request.name,
  by: request.statement.iss,
  ...secondOf(request),
})

const admissionFacts = ({ org, statement, second }: VaultRequest<'project.admit'>) => {
  const { admit, withdraw } =
    statement.type === 'project.admit' ? statement.body : { admit: [], withdraw: [] }
  const admitted = admit.map(({ project }) => project).join(' ')
  const facts = { verb: 'project.admit', org, admitted, withdrawn: withdraw.join(' '), by: statement.iss }
  return { ...facts, ...secondOf({ second }) }
}

const contextFacts = (verb: string, request: Pick<VaultRequest<'context.put'>, 'statement' | 'second'>) => ({
  ...{ verb, context: request.statement.sub, by: request.statement.iss },
  ...secondOf(request),
})

const health = ({ records, master, keys, epoch }: Parts) => {
  const [projects, runners] = [records.list('project'), records.list('runner')]
  const versions = { ingest: serviceKeyVersion, vsign: serviceKeyVersion, log: serviceKeyVersion }
  return {
    sealed: false,
    epoch,
    vsign: toBase64Url(keys.vsign.publicKey),
    versions: { vmk: master.version, ...versions },
    counts: {
      projects: projects.length,
      runners: runners.length,
      unsigned: [...projects, ...runners].filter(({ unsigned }) => unsigned).length,
    },
    ticketKey: records.find('settings', 'server')?.ticketKey ?? null,
  }
}

const ingestKey = ({ keys, clock }: Parts) => {
  const exp = Math.floor(clock.now() / 1000) + ingestKeyLifeSeconds
  const pk = toBase64Url(keys.ingest.publicKey)
  return signIngestKey({ kid: `ingest-${serviceKeyVersion}`, pk, exp }, keys.vsign.privateKey)
}

const exists = async (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  )
