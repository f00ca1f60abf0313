// The vault in one process, spoken to through its verbs only: what it gives, to whom, and everything it must refuse.
import assert from 'node:assert/strict'
import { createHash, createHmac } from 'node:crypto'
import { appendFile, chmod, cp, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { sealLogKey } from '../../test/support/log-key.ts'
import { fromBase64Url, toBase64Url, utf8, utf8Decode } from '../base/bytes.ts'
import { formatId, type IdKind } from '../base/ids.ts'
import { silentLog } from '../base/log.ts'
import { parseShape } from '../base/shape.ts'
import {
  agentPayload,
  blobKeyPayload,
  jobPayload,
  type TicketClaims,
  type VaultAnswer,
  type VaultRequest,
  type VaultVerb,
  vaultVerbs,
} from '../protocol/vault.ts'
import {
  type GeneratedKey,
  generateLogKey,
  generateSealingKey,
  generateSigningKey,
  importVerifyKey,
  openHookSecret,
  openRelease,
  signJws,
  verifyIngestKey,
} from '../seal/index.ts'
import { randomBytes } from '../sys/index.ts'
import { openVault, type Vault, type VaultOptions } from './index.ts'

const root = await mkdtemp(join(tmpdir(), 'mayfly-vault-'))
after(() => rm(root, { recursive: true, force: true }))

const now = 1_790_000_000
let counter = 0
const newId = <K extends IdKind>(kind: K) => {
  const bytes = new Uint8Array(16)
  new DataView(bytes.buffer).setUint32(12, ++counter)
  return formatId(kind, bytes)
}

type Place = VaultOptions & { clockMs: number; monotonicMs: number }
const makePlace = async (changes: Partial<VaultOptions> = {}): Promise<Place> => {
  const base = await mkdtemp(join(root, 'v-'))
  const place: Place = {
    dataDir: join(base, 'data'),
    rootKeyPath: join(base, 'root.key'),
    keyringPath: join(base, 'keyring', 'keyring'),
    installation: 'inst-1',
    oidcBase: 'https://id.example',
    clockMs: now * 1000,
    monotonicMs: 0,
    clock: { now: () => place.clockMs, monotonicMs: () => place.monotonicMs },
    randomBytes,
    log: silentLog,
    ...changes,
  }
  await writeFile(place.rootKeyPath, randomBytes(32), { mode: 0o400 })
  return place
}

const once = async function* (bytes: Uint8Array) {
  yield bytes
}
const post = (vault: Vault, verb: string, body: unknown, socket: 'server' | 'admin' = 'server') =>
  vault[socket === 'server' ? 'handleServer' : 'handleAdmin']({
    method: 'POST',
    path: `/v1/${verb}`,
    headers: { 'content-type': 'application/json' },
    body: once(utf8(JSON.stringify(body))),
  })

/** The answer of a verb, which must be 200 and have the shape that the protocol promises. */
const call = async <V extends VaultVerb>(
  vault: Vault,
  verb: V,
  body: VaultRequest<V>,
): Promise<VaultAnswer<V>> => {
  const answer = await post(vault, verb, body, vaultVerbs[verb].sockets[0])
  assert.equal(answer.status, 200, `${verb}: ${JSON.stringify(answer.body)}`)
  const parsed = parseShape<unknown>(vaultVerbs[verb].answer, answer.body)
  assert.ok(parsed.ok, `${verb}: ${JSON.stringify(parsed.problems)}`)
  return answer.body as VaultAnswer<V>
}
const refused = async (vault: Vault, verb: VaultVerb, body: unknown, code: string) => {
  const answer = await post(vault, verb, body, vaultVerbs[verb].sockets[0])
  assert.equal((answer.body as { error?: { code: string } }).error?.code, code, `${verb}`)
}

const sshSource = {
  kind: 'ssh',
  url: 'ssh://git@code.example:2222/team/app.git',
  host: 'code.example',
  port: 2222,
  user: 'git',
  path: '/team/app.git',
} as const
const hostKey = `ssh-ed25519 ${Buffer.concat([Buffer.from([0, 0, 0, 11]), Buffer.from('ssh-ed25519'), Buffer.from([0, 0, 0, 32]), Buffer.alloc(32, 7)]).toString('base64')}`

/** An installation with a server, one runner and one ssh project. */
const makeWorld = async (place: Place) => {
  const vault = await openVault(place)
  const [server, runnerKey] = [await generateSigningKey(), await generateSigningKey()]
  const [runner, project, org] = [newId('runner'), newId('project'), newId('organisation')]
  await call(vault, 'ticketkey.set', { publicKey: toBase64Url(server.publicKey) })
  await call(vault, 'runner.enroll', {
    runner,
    publicKey: toBase64Url(runnerKey.publicKey),
    org,
    projects: [project],
    tierMax: 'branch',
  })
  const created = await call(vault, 'project.create', {
    project,
    org,
    source: sshSource,
    hostKeys: [`whatever.example ${hostKey}`],
  })
  const vsign = (await importVerifyKey(fromBase64Url((await call(vault, 'health', {})).vsign)!))!
  return { vault, server, runnerKey, runner, project, org, created, vsign }
}
type World = Awaited<ReturnType<typeof makeWorld>>

const bodyHash = (body: string) => createHash('sha256').update(body).digest('base64url')

/** A release request as server and runner would make it together; `changes` break it. */
const makeRelease = async (
  world: World,
  changes: {
    claims?: Partial<Record<keyof TicketClaims | 'extra', unknown>>
    poll?: Record<string, unknown>
    pollBody?: string
    ticketSigner?: GeneratedKey
    ticketTyp?: string
    pollSigner?: GeneratedKey
    want?: VaultRequest<'release'>['want']
    eph?: GeneratedKey
  } = {},
) => {
  const eph = changes.eph ?? (await generateSealingKey())
  const ephText = toBase64Url(eph.publicKey)
  const claims = {
    jti: newId('ticket'),
    epoch: world.vault.epoch,
    iss: 'server',
    iat: now,
    exp: now + 600,
    purpose: 'plan',
    org: world.org,
    project: world.project,
    attempt: newId('attempt'),
    runner: world.runner,
    tier: 'branch',
    eph: ephText,
    ...changes.claims,
  } as unknown as TicketClaims
  const ticket = await signJws(
    { typ: changes.ticketTyp ?? 'mayfly-ticket+jwt', claims },
    (changes.ticketSigner ?? world.server).privateKey,
  )
  const body =
    changes.pollBody ?? JSON.stringify({ v: 1, session: 1, free: { small: 1 }, eph: ['x', ephText] })
  const poll = {
    iss: world.runner,
    htm: 'POST',
    htu: 'https://ci.example:8421/runner/v1/poll',
    bh: bodyHash(body),
    iat: now - 25,
    jti: 'p1',
    ...changes.poll,
  }
  const jws = await signJws(
    { typ: 'mayfly-runner+jwt', kid: world.runner, claims: poll },
    (changes.pollSigner ?? world.runnerKey).privateKey,
  )
  const request = { ticket, poll: { jws, body }, want: changes.want ?? [{ type: 'agent' as const }] }
  return { request, eph, ticket, claims }
}
const openSealed = async (world: World, made: Awaited<ReturnType<typeof makeRelease>>, sealed: string) => {
  const bytes = await openRelease(made.eph, sealed, { ticket: made.ticket, vsign: world.vsign })
  assert.ok(bytes, 'the answer opens for the runner')
  return JSON.parse(utf8Decode(bytes)) as unknown
}

test('a deploy key is released to the runner that polled, once', async () => {
  const world = await makeWorld(await makePlace())
  const made = await makeRelease(world)
  const { sealed } = await call(world.vault, 'release', made.request)
  const parsed = parseShape(agentPayload, await openSealed(world, made, sealed))
  assert.ok(parsed.ok)
  assert.match(parsed.value.keyPem, /^-----BEGIN OPENSSH PRIVATE KEY-----\n/)
  assert.equal(parsed.value.repoUrl, sshSource.url)
  assert.deepEqual(parsed.value.hostKeys, [`[code.example]:2222 ${hostKey}`])
  await refused(world.vault, 'release', made.request, 'E_USED')
  const sameKey = await makeRelease(world, { eph: made.eph })
  await refused(world.vault, 'release', sameKey.request, 'E_USED')
  await world.vault.close()
})

test('a job attempt starts with the deploy key, and hears that it is owed nothing', async () => {
  const world = await makeWorld(await makePlace())
  const release = async (changes: Parameters<typeof makeRelease>[1] = {}) => {
    const made = await makeRelease(world, { ...changes, want: [{ type: 'job' }] })
    const { sealed } = await call(world.vault, 'release', made.request)
    const parsed = parseShape(jobPayload, await openSealed(world, made, sealed))
    assert.ok(parsed.ok, JSON.stringify(parsed.problems))
    return parsed.value
  }
  const released = await release({ claims: { purpose: 'job' } })
  assert.match(released.agent?.keyPem ?? '', /^-----BEGIN OPENSSH PRIVATE KEY-----\n/)
  assert.equal(released.owed, undefined)
  await world.vault.close()
})

test('ten copies of one request at once give one answer', async () => {
  const world = await makeWorld(await makePlace())
  const { request } = await makeRelease(world)
  const answers = await Promise.all(Array.from({ length: 10 }, () => post(world.vault, 'release', request)))
  assert.deepEqual(answers.map(({ status }) => status).sort(), [200, ...Array(9).fill(403)])
  await world.vault.close()
})

test('every broken link of the chain is refused with its own code', async () => {
  const world = await makeWorld(await makePlace())
  const stranger = await generateSigningKey()
  const otherProject = newId('project')
  const cases: [string, Parameters<typeof makeRelease>[1]][] = [
    ['E_TICKET_SIG', { ticketSigner: stranger }],
    ['E_TICKET_SIG', { ticketSigner: world.runnerKey }],
    ['E_TICKET_SIG', { ticketTyp: 'mayfly-runner+jwt' }],
    ['E_TICKET_EXPIRED', { claims: { iat: now - 600, exp: now } }],
    ['E_TICKET_EXPIRED', { claims: { exp: now + 601 } }],
    ['E_TICKET_EXPIRED', { claims: { iat: now + 120, exp: now + 300 } }],
    ['E_EPOCH', { claims: { epoch: 'AAAA' } }],
    ['E_RUNNER_UNKNOWN', { claims: { runner: newId('runner') } }],
    ['E_RUNNER_SCOPE', { claims: { org: newId('organisation') } }],
    ['E_RUNNER_SCOPE', { claims: { project: otherProject } }],
    ['E_RUNNER_SCOPE', { claims: { tier: 'protected' } }],
    ['E_RUNNER_SIG', { pollSigner: stranger }],
    ['E_RUNNER_SIG', { pollSigner: world.server }],
    ['E_RUNNER_SIG', { poll: { iat: now - 61 } }],
    ['E_RUNNER_SIG', { poll: { iat: now + 61 } }],
    ['E_RUNNER_SIG', { poll: { iat: '1790000000' } }],
    ['E_RUNNER_SIG', { poll: { iss: newId('runner') } }],
    ['E_RUNNER_SIG', { poll: { htm: 'GET' } }],
    ['E_RUNNER_SIG', { poll: { htu: 'https://ci.example/runner/v1/beat' } }],
    ['E_RUNNER_SIG', { poll: { bh: bodyHash('other') } }],
    ['E_RUNNER_SIG', { pollBody: '{"eph":["AAAA"]}' }],
    ['E_RUNNER_SIG', { pollBody: '{}' }],
    ['E_RUNNER_SIG', { pollBody: 'no JSON' }],
    ['E_INPUT', { claims: { eph: undefined } }],
    ['E_INPUT', { claims: { extra: 1 } }],
    ['E_INPUT', { claims: { purpose: 'sign' } }],
    ['E_INPUT', { claims: { purpose: 'job' } }],
    ['E_INPUT', { want: [{ type: 'job' }] }],
    ['E_INPUT', { want: [] }],
    ['E_INPUT', { want: [{ type: 'agent' }, { type: 'agent' }] }],
  ]
  for (const [code, changes] of cases) {
    const { request } = await makeRelease(world, changes)
    const { body } = await post(world.vault, 'release', request)
    assert.equal((body as { error?: { code: string } }).error?.code, code, JSON.stringify(changes))
  }
  await world.vault.close()
})

test('nothing is released before a ticket key is pinned, nor to a revoked runner', async () => {
  const place = await makePlace()
  const world = await makeWorld(place)
  await call(world.vault, 'runner.revoke', { runner: world.runner })
  await refused(world.vault, 'release', (await makeRelease(world)).request, 'E_RUNNER_UNKNOWN')
  const enrolment = {
    runner: world.runner,
    publicKey: toBase64Url(world.runnerKey.publicKey),
    org: '*',
    projects: '*',
    tierMax: 'protected',
  }
  await refused(world.vault, 'runner.enroll', enrolment, 'E_CONFLICT')
  await world.vault.close()
  const fresh = await openVault(await makePlace())
  await refused(fresh, 'release', (await makeRelease({ ...world, vault: fresh })).request, 'E_TICKET_SIG')
  await fresh.close()
})

test('an empty list of projects covers none', async () => {
  const world = await makeWorld(await makePlace())
  const publicKey = toBase64Url(world.runnerKey.publicKey)
  const scope = { org: '*', projects: [], tierMax: 'protected' } as const
  await call(world.vault, 'runner.enroll', { runner: world.runner, publicKey, ...scope })
  await refused(world.vault, 'release', (await makeRelease(world)).request, 'E_RUNNER_SCOPE')
  await world.vault.close()
})

test('a crash between used.log and the answer costs the ticket, also after a restart', async () => {
  let crash = false
  const place = await makePlace({
    // The check number of the key file is drawn after the ticket was burnt: the moment to fail.
    randomBytes: (count) => {
      if (crash && count === 4) throw new Error('crash')
      return randomBytes(count)
    },
  })
  const world = await makeWorld(place)
  const { request } = await makeRelease(world)
  crash = true
  await refused(world.vault, 'release', request, 'E_INTERNAL')
  crash = false
  // No close(): the process is gone. A torn line, as a kill inside a write leaves it, must not stop the start.
  await appendFile(join(place.dataDir, 'used.log'), '1790000600 tkt_0000')
  const again = await openVault(place)
  await refused(again, 'release', request, 'E_USED')
  const old = await makeRelease(world)
  await refused(again, 'release', old.request, 'E_EPOCH')
  const current = await makeRelease({ ...world, vault: again })
  await call(again, 'release', current.request)
  await again.close()
  await world.vault.close()
})

test('a runner gets back the log key of its own attempt, and of no other', async () => {
  const world = await makeWorld(await makePlace())
  const attempt = newId('attempt')
  const logKey = generateLogKey()
  const ingest = fromBase64Url((await call(world.vault, 'ingest.key', {})).pk)!
  const seal = async (owner: { project: typeof world.project; attempt: typeof attempt }) =>
    toBase64Url((await sealLogKey(ingest, logKey, owner))!)
  const sealedKey = await seal({ project: world.project, attempt })
  const want = [{ type: 'blobkey' as const, object: attempt, sealedKey }]
  const made = await makeRelease(world, { claims: { attempt }, want })
  const { sealed } = await call(world.vault, 'release', made.request)
  const parsed = parseShape(blobKeyPayload, await openSealed(world, made, sealed))
  assert.deepEqual(parsed.ok && fromBase64Url(parsed.value.key), logKey)
  await refused(world.vault, 'release', (await makeRelease(world, { want })).request, 'E_RUNNER_SCOPE')
  const foreign = await seal({ project: newId('project'), attempt })
  const spliced = await makeRelease(world, {
    claims: { attempt },
    want: [{ type: 'blobkey', object: attempt, sealedKey: foreign }],
  })
  await refused(world.vault, 'release', spliced.request, 'E_INPUT')
  await world.vault.close()
})

test('log keys open from the sealed and from the wrapped form, for their own project and attempt only', async () => {
  const place = await makePlace()
  const { vault, project } = await makeWorld(place)
  const [object, other] = [newId('attempt'), newId('attempt')]
  const logKey = generateLogKey()
  const ingest = await call(vault, 'ingest.key', {})
  const vsign = (await importVerifyKey(fromBase64Url((await call(vault, 'health', {})).vsign)!))!
  const pk = (await verifyIngestKey(ingest, { vsign, nowSeconds: now }))!
  const sealedKey = toBase64Url((await sealLogKey(pk, logKey, { project, attempt: object }))!)
  const asked = { project, user: 'usr_1', reason: 'view' }
  assert.equal((await call(vault, 'blob.key', { ...asked, object, sealedKey })).key, toBase64Url(logKey))
  const { wrapped } = await call(vault, 'blob.rewrap', { object, project, sealedKey })
  assert.match(wrapped, /^mv1:blobs-1:/)
  assert.equal((await call(vault, 'blob.key', { ...asked, object, wrapped })).key, toBase64Url(logKey))
  await refused(vault, 'blob.key', { ...asked, object: other, wrapped }, 'E_INPUT')
  await refused(vault, 'blob.key', { ...asked, object: other, sealedKey }, 'E_INPUT')
  await refused(vault, 'blob.key', { ...asked, object, sealedKey, wrapped }, 'E_INPUT')
  await refused(vault, 'blob.key', { ...asked, object }, 'E_INPUT')
  await refused(vault, 'blob.key', { ...asked, object, wrapped, project: newId('project') }, 'E_NOT_FOUND')
  const second = newId('project')
  await call(vault, 'project.create', {
    project: second,
    org: newId('organisation'),
    source: { kind: 'local', root: 0, path: 'a/b.git' },
  })
  await refused(vault, 'blob.key', { ...asked, object, wrapped, project: second }, 'E_INPUT')
  await vault.close()
  const audit = (await readFile(join(place.dataDir, 'audit.log'), 'utf8')).trim().split('\n')
  const opened = audit.map((line) => JSON.parse(line)).filter(({ verb }) => verb === 'blob.key')
  assert.equal(opened.length, 1, 'one line per user, object and hour')
  assert.deepEqual(opened[0], {
    at: new Date(now * 1000).toISOString(),
    verb: 'blob.key',
    object,
    project,
    user: 'usr_1',
    reason: 'view',
  })
})

test('a user opens at most 600 objects an hour', async () => {
  const place = await makePlace()
  const { vault, project } = await makeWorld(place)
  const object = newId('attempt')
  const pk = fromBase64Url((await call(vault, 'ingest.key', {})).pk)!
  const open = async (user: string, attempt = newId('attempt')) => {
    const sealedKey = toBase64Url((await sealLogKey(pk, generateLogKey(), { project, attempt }))!)
    return post(vault, 'blob.key', { object: attempt, project, sealedKey, user, reason: 'view' })
  }
  assert.equal((await open('u', object)).status, 200)
  const answers = await Promise.all(Array.from({ length: 599 }, () => open('u')))
  assert.ok(answers.every(({ status }) => status === 200))
  assert.equal((await open('u')).status, 429)
  assert.equal((await open('u', object)).status, 200, 'an object that was counted stays open')
  assert.equal((await open('v')).status, 200, 'another user has a count of their own')
  place.monotonicMs += 3_600_000
  assert.equal((await open('u')).status, 200)
  await vault.close()
})

const deliver = (vault: Vault, headers: Record<string, string>, parts: readonly Uint8Array[]) =>
  vault.handleServer({
    method: 'POST',
    path: '/v1/webhook.verify',
    headers: { 'content-type': 'application/octet-stream', ...headers },
    body: (async function* () {
      yield* parts
    })(),
  })
const signature = (secret: Uint8Array, body: Uint8Array) =>
  `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`

test('a webhook is verified by the secret that was shown once, until it is rotated', async () => {
  const place = await makePlace()
  const first = await openVault(place)
  const eph = await generateSealingKey()
  const [project, org] = [newId('project'), newId('organisation')]
  const created = await call(first, 'project.create', {
    project,
    org,
    source: { kind: 'local', root: 0, path: 'r.git' },
    eph: toBase64Url(eph.publicKey),
  })
  assert.equal(created.deployPublicKey, null)
  const secret = (await openHookSecret(eph, fromBase64Url(created.hookSecretSealed!)!, created.hook))!
  assert.match(utf8Decode(secret), /^[0-9a-f]{64}$/)
  await first.close()
  const vault = await openVault(place)
  const body = utf8('{"ref":"refs/heads/main"}')
  const good = { 'mf-hook': created.hook, 'mf-signature': signature(secret, body) }
  const ask = async (headers: Record<string, string>, parts = [body.subarray(0, 5), body.subarray(5)]) =>
    (await deliver(vault, headers, parts)).body
  assert.deepEqual(await ask(good), { ok: true, project })
  const denied = { ok: false, project: null }
  assert.deepEqual(await ask(good, [body, body]), denied)
  assert.deepEqual(await ask({ ...good, 'mf-hook': newId('hook') }), denied)
  assert.deepEqual(await ask({ ...good, 'mf-hook': 'nonsense' }), denied)
  assert.deepEqual(await ask({ ...good, 'mf-signature': 'sha256=00' }), denied)
  assert.deepEqual(
    await ask({ ...good, 'mf-signature': good['mf-signature'].replace('sha256', 'sha1') }),
    denied,
  )
  assert.deepEqual(await ask({ 'mf-hook': created.hook }), denied)
  const rotated = await call(vault, 'hook.rotate', { project, eph: toBase64Url(eph.publicKey) })
  const next = (await openHookSecret(eph, fromBase64Url(rotated.hookSecretSealed)!, rotated.hook))!
  assert.deepEqual(await ask(good), denied)
  assert.deepEqual(await ask({ ...good, 'mf-signature': signature(next, body) }), { ok: true, project })
  await call(vault, 'project.delete', { project })
  assert.deepEqual(await ask({ ...good, 'mf-signature': signature(next, body) }), denied)
  await vault.close()
})

test('an unknown hook costs the same work: its whole body is read and hashed', async () => {
  const { vault } = await makeWorld(await makePlace())
  let read = 0
  const { body } = await vault.handleServer({
    method: 'POST',
    path: '/v1/webhook.verify',
    headers: { 'content-type': 'application/octet-stream', 'mf-hook': newId('hook') },
    body: (async function* () {
      for (; read < 20; read++) yield new Uint8Array(1024 * 1024)
    })(),
  })
  assert.deepEqual([body, read], [{ ok: false, project: null }, 20])
  const tooLarge = await deliver(vault, {}, Array(26).fill(new Uint8Array(1024 * 1024)))
  assert.equal(tooLarge.status, 413)
  await vault.close()
})

test('only the verbs of a socket exist on it, and only well-formed requests are answered', async () => {
  const { vault } = await makeWorld(await makePlace())
  const status = async (socket: 'server' | 'admin', path: string, changes: object = {}) => {
    const request = {
      method: 'POST',
      path,
      headers: { 'content-type': 'application/json' },
      body: once(utf8('{}')),
    }
    return (await vault[socket === 'server' ? 'handleServer' : 'handleAdmin']({ ...request, ...changes }))
      .status
  }
  for (const verb of [
    'runner.enroll',
    'runner.revoke',
    'ticketkey.set',
    'signer.code',
    'secret.get',
    'secret.read',
  ])
    assert.equal(await status('server', `/v1/${verb}`), 404, verb)
  for (const verb of [
    'release',
    'sign',
    'blob.key',
    'project.create',
    'webhook.verify',
    'ingest.key',
    'secret.put',
  ])
    assert.equal(await status('admin', `/v1/${verb}`), 404, verb)
  for (const path of [
    '/',
    '/v1/',
    '/v1/health/',
    '/v2/health',
    '/v1/__proto__',
    '/v1/toString',
    '/v1/health?x',
  ])
    assert.equal(await status('server', path), 404, path)
  assert.equal(await status('server', '/v1/health', { method: 'GET' }), 404)
  assert.equal(await status('server', '/v1/health', { headers: {} }), 415)
  assert.equal(await status('server', '/v1/health', { body: once(utf8('{')) }), 400)
  assert.equal(await status('server', '/v1/health', { body: once(utf8('{"x":1}')) }), 400)
  assert.equal(await status('server', '/v1/health', { body: once(new Uint8Array(2 * 1024 * 1024 + 1)) }), 413)
  assert.equal(await status('server', '/v1/health'), 200)
  await vault.close()
})

test('sources whose address and parts disagree, and malformed pins, are refused', async () => {
  const { vault } = await makeWorld(await makePlace())
  const create = (source: object, hostKeys: string[] = []) =>
    post(vault, 'project.create', { project: newId('project'), org: newId('organisation'), source, hostKeys })
  const scp = { ...sshSource, url: 'git@code.example:team/app.git', port: 22, path: 'team/app.git' }
  assert.equal((await create(scp)).status, 200)
  const wrong = [
    { host: 'other.example' },
    { port: 22 },
    { user: 'root' },
    { path: '/team/other.git' },
    { url: 'ssh://-oProxyCommand=x/team/app.git', host: '-oProxyCommand=x' },
    { url: '-oProxyCommand=x:team/app.git' },
    { url: 'https://code.example/team/app.git' },
    { user: '-l' },
    { path: '/team/app.git\n' },
  ]
  for (const change of wrong)
    assert.equal((await create({ ...sshSource, ...change })).status, 400, JSON.stringify(change))
  for (const line of [
    'ssh-ed25519 AAAA',
    hostKey.replace('ssh-ed25519', 'ssh-rsa'),
    `${hostKey} x`,
    `a b ${hostKey}`,
  ])
    assert.equal((await create(sshSource, [line])).status, 400, line)
  const local = { kind: 'local', root: 0, path: 'app' }
  assert.equal(
    (await create(local, [hostKey])).status,
    400,
    'a directory has no host whose key could be pinned',
  )
  assert.equal((await create(local)).status, 200)
  await vault.close()
})

test('host keys stay with their host and its port: another one has none of them', async () => {
  const world = await makeWorld(await makePlace())
  const pinned = async () => {
    const made = await makeRelease(world)
    const { sealed } = await call(world.vault, 'release', made.request)
    return ((await openSealed(world, made, sealed)) as { hostKeys: string[] }).hostKeys
  }
  const renamed = { ...sshSource, url: 'ssh://code.example:2222/app.git', path: '/app.git' }
  await call(world.vault, 'project.set', { project: world.project, source: renamed })
  assert.deepEqual(await pinned(), [`[code.example]:2222 ${hostKey}`])
  const moved = { ...sshSource, url: 'ssh://code.example/app.git', path: '/app.git', port: 22 }
  await call(world.vault, 'project.set', { project: world.project, source: moved })
  assert.deepEqual(await pinned(), [])
  await call(world.vault, 'project.set', { project: world.project, hostKeys: [hostKey] })
  assert.deepEqual(await pinned(), [`code.example ${hostKey}`])
  const elsewhere = { ...moved, url: 'ssh://other.example/app.git', host: 'other.example' }
  await call(world.vault, 'project.set', { project: world.project, source: elsewhere })
  assert.deepEqual(await pinned(), [])
  const local = { project: world.project, source: { kind: 'local', root: 0, path: 'x' } }
  await refused(world.vault, 'project.set', local, 'E_CONFLICT')
  await world.vault.close()
})

test('what was stored is there after a restart; the epoch is new', async () => {
  const place = await makePlace()
  const world = await makeWorld(place)
  const before = await call(world.vault, 'health', {})
  await world.vault.close()
  const vault = await openVault(place)
  const now = await call(vault, 'health', {})
  assert.notEqual(now.epoch, before.epoch)
  assert.deepEqual({ ...now, epoch: '' }, { ...before, epoch: '' })
  assert.deepEqual(now.counts, { projects: 1, runners: 1, unsigned: 2 })
  await refused(
    vault,
    'project.create',
    { project: world.project, org: world.org, source: sshSource },
    'E_CONFLICT',
  )
  await vault.close()
})

test('no secret stands in any file of the vault', async () => {
  const place = await makePlace()
  const world = await makeWorld(place)
  const made = await makeRelease(world)
  const { sealed } = await call(world.vault, 'release', made.request)
  const { keyPem } = (await openSealed(world, made, sealed)) as { keyPem: string }
  await world.vault.close()
  const key = Buffer.from(keyPem.split('\n').slice(1, -2).join(''), 'base64')
  // The private section: key type, public key, then seed ‖ public key, each after a length of four bytes.
  const seedAt = key.lastIndexOf('ssh-ed25519') + 11 + 4 + 32 + 4
  const seed = key.subarray(seedAt, seedAt + 32)
  const forms = [
    seed,
    seed.toString('hex'),
    ...[0, 1, 2].map((skip) => seed.subarray(skip, 30).toString('base64')),
  ]
  const files = await readdir(place.dataDir, { recursive: true, withFileTypes: true })
  const names = files.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name))
  assert.ok(names.length >= 8)
  for (const name of [...names, place.keyringPath])
    for (const form of forms) assert.equal((await readFile(name)).includes(form), false, name)
})

const startFails = (place: VaultOptions, code: string) => assert.rejects(openVault(place), { code })

test('a store that was touched outside of the vault does not start', async () => {
  const place = await makePlace()
  const world = await makeWorld(place)
  await world.vault.close()
  const store = join(place.dataDir, 'store')
  const project = join(store, 'project', `${world.project}.json`)
  const runner = join(store, 'runner', `${world.runner}.json`)
  const original = await readFile(project, 'utf8')
  const touch = async (what: string, change: () => Promise<unknown>, undo: () => Promise<unknown>) => {
    await change()
    await assert.rejects(openVault(place), { code: 'E_STORE_TAMPERED' }, what)
    await undo()
    await (await openVault(place)).close()
  }
  const restore = () => writeFile(project, original)
  await touch('edited', () => writeFile(project, original.replace('code.example', 'evil.example')), restore)
  await touch('cut', () => writeFile(project, original.slice(0, 40)), restore)
  await touch('no MAC', () => writeFile(project, '{"body":{}}'), restore)
  const copy = join(store, 'project', `${newId('project')}.json`)
  await touch(
    'copied under another id',
    () => cp(project, copy),
    () => rm(copy),
  )
  const other = join(store, 'project', `${world.runner}.json`)
  await touch(
    'of another kind',
    () => cp(runner, other),
    () => rm(other),
  )
  const foreign = join(store, 'project', 'notes.txt')
  await touch(
    'foreign file',
    () => writeFile(foreign, ''),
    () => rm(foreign),
  )
  const used = join(place.dataDir, 'used.log')
  await touch(
    'used.log',
    () => writeFile(used, 'nonsense\n'),
    () => writeFile(used, ''),
  )
})

test('without its keyring, with another root key or for another installation nothing opens', async () => {
  const place = await makePlace()
  await (await makeWorld(place)).vault.close()
  const otherKey = `${place.rootKeyPath}.other`
  await writeFile(otherKey, randomBytes(32), { mode: 0o400 })
  await startFails({ ...place, rootKeyPath: otherKey }, 'E_ROOT_KEY')
  await startFails({ ...place, installation: 'inst-2' }, 'E_ROOT_KEY')
  await startFails({ ...place, keyringPath: `${place.keyringPath}.gone` }, 'E_ROOT_KEY')
  await writeFile(place.keyringPath, '{"v":1}')
  await startFails(place, 'E_ROOT_KEY')
})

test('a root key that others could have is refused', async () => {
  const place = await makePlace()
  for (const mode of [0o440, 0o404, 0o420, 0o644]) {
    await chmod(place.rootKeyPath, mode)
    await startFails(place, 'E_ROOT_KEY')
  }
  await chmod(place.rootKeyPath, 0o400)
  await (await openVault(place)).close()
  const link = `${place.rootKeyPath}.link`
  await symlink(place.rootKeyPath, link)
  await startFails({ ...place, rootKeyPath: link }, 'E_ROOT_KEY')
  const inside = join(place.dataDir, 'root.key')
  await writeFile(inside, randomBytes(32), { mode: 0o400 })
  await startFails({ ...place, rootKeyPath: inside }, 'E_ROOT_KEY')
  for (const [name, content] of [
    ['short', randomBytes(31)],
    ['long', randomBytes(33)],
    ['zero', new Uint8Array(32)],
  ] as const) {
    const path = `${place.rootKeyPath}.${name}`
    await writeFile(path, content, { mode: 0o400 })
    await startFails({ ...place, rootKeyPath: path }, 'E_ROOT_KEY')
  }
  await startFails({ ...place, rootKeyPath: `${place.rootKeyPath}.absent` }, 'E_ROOT_KEY')
})
