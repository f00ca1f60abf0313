// A vault of its own for each test, through the verbs that a server and an operator have.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import { fromBase64Url, toBase64Url, utf8, utf8Decode } from '../../src/base/bytes.ts'
import { formatId, type IdKind, type ProjectId } from '../../src/base/ids.ts'
import { silentLog } from '../../src/base/log.ts'
import { parseShape, type Shape } from '../../src/base/shape.ts'
import type { Evidence } from '../../src/protocol/evidence.ts'
import { type SecretsPayload, secretsPayload } from '../../src/protocol/released.ts'
import {
  jobPayload,
  type TicketClaims,
  type VaultAnswer,
  type VaultVerb,
  vaultVerbs,
} from '../../src/protocol/vault.ts'
import {
  generateSealingKey,
  generateSigningKey,
  importVerifyKey,
  openRelease,
  signJws,
} from '../../src/seal/index.ts'
import { randomBytes } from '../../src/sys/index.ts'
import { openVault, type VaultOptions } from '../../src/vault/index.ts'
import { evidenceOf } from './evidence.ts'
import { admitAll, type CallVault, enrolSigner, makeSigner, signPut } from './signer.ts'

const root = await mkdtemp(join(tmpdir(), 'mayfly-vault-'))
after(() => rm(root, { recursive: true, force: true }))
export const newId = <K extends IdKind>(kind: K) => formatId(kind, randomBytes(16))
/** When these tests happen, in Unix seconds. */
export const start = 1_790_000_000

type Asked = {
  readonly claims: object
  readonly type: 'job' | 'secrets'
  readonly body?: object
  readonly path?: string
}

/** A vault with a server, a runner, a local project and one signer. */
export const makeWorld = async () => {
  const base = await mkdtemp(join(root, 'v-'))
  const clock = { seconds: start }
  const options: VaultOptions = {
    dataDir: join(base, 'data'),
    rootKeyPath: join(base, 'root.key'),
    keyringPath: join(base, 'keyring', 'keyring'),
    installation: 'inst-1',
    oidcBase: 'https://id.example',
    clock: { now: () => clock.seconds * 1000, monotonicMs: () => clock.seconds * 1000 },
    randomBytes,
    log: silentLog,
  }
  await writeFile(options.rootKeyPath, randomBytes(32), { mode: 0o400 })
  const current = { vault: await openVault(options) }
  after(() => current.vault.close())
  const post = async (verb: VaultVerb, body: unknown) => {
    const socket = vaultVerbs[verb].sockets[0] === 'admin' ? 'handleAdmin' : 'handleServer'
    return current.vault[socket]({
      method: 'POST',
      path: `/v1/${verb}`,
      headers: { 'content-type': 'application/json' },
      body: (async function* () {
        yield utf8(JSON.stringify(body))
      })(),
    })
  }
  const call: CallVault = async (verb, request) => {
    const { status, body } = await post(verb, request)
    assert.equal(status, 200, `${verb}: ${JSON.stringify(body)}`)
    const parsed = parseShape<unknown>(vaultVerbs[verb].answer, body)
    assert.ok(parsed.ok, `${verb}: ${JSON.stringify(parsed.problems)}`)
    return body as VaultAnswer<typeof verb>
  }
  const refused = async (verb: VaultVerb, request: unknown, code: string, why = '') => {
    const { body } = await post(verb, request)
    assert.equal((body as { error?: { code: string } }).error?.code, code, `${verb} ${why}`)
  }
  const [server, runnerKey, signer] = [
    await generateSigningKey(),
    await generateSigningKey(),
    await makeSigner(),
  ]
  const [runner, project, org] = [newId('runner'), newId('project'), newId('organisation')]
  await call('ticketkey.set', { publicKey: toBase64Url(server.publicKey) })
  const publicKey = toBase64Url(runnerKey.publicKey)
  await call('runner.enroll', { runner, publicKey, org: '*', projects: '*', tierMax: 'protected' })
  const addProject = (id = newId('project')) =>
    call('project.create', { project: id, org, source: { kind: 'local', root: 0, path: id } }).then(() => id)
  /** To contexts for every project: those that are named, else all that there are. */
  const admit = (...only: readonly ProjectId[]) =>
    admitAll(call, signer, { org, nowSeconds: clock.seconds, ...(only.length === 0 ? {} : { only }) })
  await addProject(project)
  await enrolSigner(call, signer)

  /** The answer to a ticket of these claims, opened; `body` is what the runner signs beside its key. */
  const ask = async <T>(
    shape: Shape<T>,
    { claims: given, body: more = {}, path = '/runner/v1/poll', type }: Asked,
  ) => {
    const eph = await generateSealingKey()
    const ephText = toBase64Url(eph.publicKey)
    const [jti, iat, exp] = [newId('ticket'), clock.seconds, clock.seconds + 300]
    const claims = { jti, epoch: current.vault.epoch, iss: 'server', iat, exp, eph: ephText, ...given }
    const ticket = await signJws({ typ: 'mayfly-ticket+jwt', claims }, server.privateKey)
    const body = JSON.stringify({ ...more, eph: [ephText] })
    const bh = createHash('sha256').update(body).digest('base64url')
    const signed = { iss: runner, htm: 'POST', htu: path, bh, iat: clock.seconds, jti: '1' }
    const jws = await signJws({ typ: 'mayfly-runner+jwt', claims: signed }, runnerKey.privateKey)
    const request = { ticket, poll: { jws, body }, want: [{ type }] as const }
    const open = async () => {
      const { sealed } = await call('release', request)
      const vsign = (await importVerifyKey(fromBase64Url((await call('health', {})).vsign)!))!
      const opened = await openRelease(eph, sealed, { ticket, vsign })
      const parsed = parseShape(shape, JSON.parse(utf8Decode(opened!)))
      assert.ok(parsed.ok)
      return parsed.value
    }
    return { request, open }
  }
  const claimsWith = (changes: Partial<Record<keyof TicketClaims, unknown>>) => {
    const made = {
      ...{ purpose: 'job', org, project, attempt: newId('attempt'), runner, tier: 'branch' },
      ...{ run: newId('run'), job: newId('job'), ref: 'refs/heads/main', event: 'push' },
      ...{ commit: 'c'.repeat(40), spec_digest: 'd'.repeat(64), plan_digest: 'e'.repeat(64) },
    }
    // What breaks a type is for the vault to refuse.
    return { ...made, ...(changes as Partial<typeof made> & { contexts?: Evidence['contexts'] }) }
  }
  type Claims = ReturnType<typeof claimsWith>
  /** What an honest runner says for it, of a local project. */
  const evidenceFor = (claims: Claims, changes: Partial<Evidence> = {}) => {
    const { ref, commit, project: of, spec_digest: spec, contexts = [] } = claims
    return evidenceOf({ repo: `file:0/${of}`, ref, commit, spec }, { contexts, ...changes })
  }
  const secretsPath = `/runner/v1/leases/${newId('lease')}/secrets`
  /** A job's question for its secrets; `body` is changed for what must not work. */
  const askSecrets = (claims: Claims, evidence: Partial<Evidence> = {}, body: object = {}) => {
    const signed = { v: 1, attempt: claims.attempt, evidence: evidenceFor(claims, evidence), ...body }
    return ask(secretsPayload, { claims, body: signed, path: secretsPath, type: 'secrets' })
  }

  /** What a job attempt of this ticket is given, for true evidence. */
  const release = async (
    changes: Partial<Record<keyof TicketClaims, unknown>> = {},
    evidence: Partial<Evidence> = {},
  ) => {
    const claims = claimsWith(changes)
    const start = await (await ask(jobPayload, { claims, type: 'job' })).open()
    const { owed, ...first } = start
    const given: SecretsPayload =
      owed === true ? await (await askSecrets(claims, evidence)).open() : { secrets: [] }
    const text = given.secrets.map(({ name, value }) => [name, Buffer.from(value, 'base64url').toString()])
    return {
      claims,
      payload: { ...first, ...given },
      values: Object.fromEntries(text) as Record<string, string>,
    }
  }
  const make = (
    name: string,
    value: string | Uint8Array,
    more: Partial<Parameters<typeof signPut>[2]> = {},
  ) => signPut(call, signer, { owner: project, name, value, nowSeconds: clock.seconds, ...more })
  const put = async (
    name: string,
    value: string | Uint8Array,
    more: Partial<Parameters<typeof signPut>[2]> = {},
  ) => call('secret.put', { owner: more.owner ?? project, name, ...(await make(name, value, more)) })
  const restart = async () => {
    await current.vault.close()
    current.vault = await openVault(options)
  }
  return {
    ...{ options, clock, call, refused, signer, project, org, addProject, admit, release, make, put },
    ...{ claimsWith, askSecrets, post },
    /** For tickets and requests of one's own. */
    ...{ current, server, runner, runnerKey },
    restart,
  }
}
