// PF-40, a release: a job's ticket and its evidence in, the bundle with ten secrets sealed to its attempt out, by a vault on one core with
// its store on disk. Tickets and polls are made beforehand; what is timed is the vault's own work.
import { createHash } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { toBase64Url, utf8 } from '../../src/base/bytes.ts'
import { formatId, type IdKind } from '../../src/base/ids.ts'
import { silentLog } from '../../src/base/log.ts'
import type { VaultAnswer, VaultVerb } from '../../src/protocol/vault.ts'
import { vaultVerbs } from '../../src/protocol/vault.ts'
import {
  generateSealingKey,
  generateSigningKey,
  importVerifyKey,
  signJws,
  verifyJws,
} from '../../src/seal/index.ts'
import { randomBytes, systemClock } from '../../src/sys/index.ts'
import { openVault, type Vault } from '../../src/vault/index.ts'
import { evidenceOf } from '../../test/support/evidence.ts'
import { sealLogKey } from '../../test/support/log-key.ts'
import { type CallVault, enrolSigner, makeSigner, signPut } from '../../test/support/signer.ts'
import { startClock } from '../clock.ts'
import type { Bench, Limit, Scenario } from '../scenario.ts'
import { median } from '../statistics.ts'

const secretCount = 10
const releases = 100
const perSecond = 100
const atOnce = 16

type State = {
  readonly post: (verb: VaultVerb, body: unknown) => Promise<unknown>
  /** A release that was not asked for yet. */
  readonly prepare: () => Promise<unknown>
  readonly baseline: () => Promise<number>
  readonly close: () => Promise<void>
}

const newId = <K extends IdKind>(kind: K) => formatId(kind, randomBytes(16))

const posting =
  (vault: Vault): State['post'] =>
  async (verb, body) => {
    const handle = vaultVerbs[verb].sockets[0] === 'admin' ? vault.handleAdmin : vault.handleServer
    const answer = await handle({
      ...{ method: 'POST', path: `/v1/${verb}`, headers: { 'content-type': 'application/json' } },
      body: (async function* () {
        yield utf8(JSON.stringify(body))
      })(),
    })
    if (answer.status !== 200) throw new Error(`${verb}: ${answer.status} ${JSON.stringify(answer.body)}`)
    return answer.body
  }

const open = async ({ directory }: Bench): Promise<State> => {
  const base = await mkdtemp(join(directory, 'vault-'))
  const rootKeyPath = join(base, 'root.key')
  await writeFile(rootKeyPath, randomBytes(32), { mode: 0o400 })
  const vault = await openVault({
    ...{ dataDir: join(base, 'data'), rootKeyPath, keyringPath: join(base, 'keyring', 'keyring') },
    ...{
      installation: 'bench',
      oidcBase: 'https://id.example',
      clock: systemClock,
      randomBytes,
      log: silentLog,
    },
  })
  const post = posting(vault)
  const world = await enrolAll(post)
  return {
    ...{ post, prepare: () => prepareRelease(vault.epoch, world), baseline: await sealAndVerify(world) },
    close: async () => {
      await vault.close()
      await rm(base, { recursive: true })
    },
  }
}

type World = Awaited<ReturnType<typeof enrolAll>>

const enrolAll = async (post: State['post']) => {
  // SAFE: the vault's own answers to its own verbs.
  const call: CallVault = async (verb, request) => (await post(verb, request)) as VaultAnswer<typeof verb>
  const [server, runnerKey, signer] = [
    await generateSigningKey(),
    await generateSigningKey(),
    await makeSigner(),
  ]
  const [runner, project, org] = [newId('runner'), newId('project'), newId('organisation')]
  await call('ticketkey.set', { publicKey: toBase64Url(server.publicKey) })
  const publicKey = toBase64Url(runnerKey.publicKey)
  await call('runner.enroll', { runner, publicKey, org: '*', projects: '*', tierMax: 'protected' })
  await call('project.create', { project, org, source: { kind: 'local', root: 0, path: project } })
  await enrolSigner(call, signer)
  const nowSeconds = Math.floor(systemClock.now() / 1000)
  for (let i = 0; i < secretCount; i++) {
    const put = { owner: project, name: `SECRET_${i}`, value: `the value of secret ${i}`, nowSeconds }
    await call('secret.put', { owner: project, name: put.name, ...(await signPut(call, signer, put)) })
  }
  return { server, runnerKey, runner, project, org }
}

const prepareRelease = async (
  epoch: string,
  { server, runnerKey, runner, project, org }: World,
): Promise<unknown> => {
  const iat = Math.floor(systemClock.now() / 1000)
  const eph = toBase64Url((await generateSealingKey()).publicKey)
  const claims = {
    ...{ jti: newId('ticket'), epoch, iss: 'server', iat, exp: iat + 300, purpose: 'job', org, project, eph },
    ...{ attempt: newId('attempt'), runner, tier: 'branch', run: newId('run'), job: newId('job') },
    ...{ ref: 'refs/heads/main', event: 'push', commit: 'c'.repeat(40), spec_digest: 'd'.repeat(64) },
  }
  const { ref, commit, spec_digest: spec, attempt } = claims
  const evidence = evidenceOf({ repo: `file:0/${project}`, ref, commit, spec })
  const ticket = await signJws({ typ: 'mayfly-ticket+jwt', claims }, server.privateKey)
  const body = JSON.stringify({ v: 1, attempt, evidence, eph: [eph] })
  const bh = createHash('sha256').update(body).digest('base64url')
  const poll = {
    iss: runner,
    htm: 'POST',
    htu: `/runner/v1/leases/${newId('lease')}/secrets`,
    bh,
    iat,
    jti: newId('ticket'),
  }
  const jws = await signJws({ typ: 'mayfly-runner+jwt', claims: poll }, runnerKey.privateKey)
  return { ticket, poll: { jws, body }, want: [{ type: 'secrets' }] }
}

/** One X25519 + HKDF + GCM seal and one Ed25519 verification: the mean of many. */
const sealAndVerify = async ({ server, project }: World): Promise<State['baseline']> => {
  const { publicKey } = await generateSealingKey()
  const jws = await signJws({ typ: 'mayfly-ticket+jwt', claims: { a: 1 } }, server.privateKey)
  const key = await importVerifyKey(server.publicKey)
  return async () => {
    const elapsed = startClock()
    for (let i = 0; i < releases; i++) {
      await sealLogKey(publicKey, randomBytes(32), { project, attempt: newId('attempt') })
      if ((await verifyJws(jws, { typ: 'mayfly-ticket+jwt', keyFor: () => key })) === null)
        throw new Error('a genuine signature was refused')
    }
    return elapsed() / releases
  }
}

const prepareAll = (state: State): Promise<unknown[]> =>
  Promise.all(Array.from({ length: releases }, () => state.prepare()))

const inTurn = async (state: State): Promise<number> => {
  const wanted = await prepareAll(state)
  const elapsed = startClock()
  const lane = async () => {
    for (let next = wanted.pop(); next !== undefined; next = wanted.pop()) await state.post('release', next)
  }
  await Promise.all(Array.from({ length: atOnce }, lane))
  return elapsed() / releases
}

const p95AtRate = async (state: State): Promise<number> => {
  const wanted = await prepareAll(state)
  const elapsed = startClock()
  const times = await Promise.all(
    wanted.map(async (request, i) => {
      await sleep((i * 1000) / perSecond)
      const took = startClock()
      await state.post('release', request)
      return took()
    }),
  )
  if (elapsed() > (2 * releases * 1000) / perSecond) throw new Error('the rate was not held')
  return times.toSorted((a, b) => a - b)[Math.ceil(releases * 0.95) - 1] ?? median(times)
}

const row = (
  variant: string,
  limits: { readonly goal: Limit; readonly gate: Limit },
  subject: (state: State) => Promise<number>,
): Scenario<State> => ({
  ...{ id: 'PF-40', variant, unit: 'ms', better: 'lower', ...limits },
  title: 'Ticket in → bundle of ten secrets sealed; baseline one seal and one verification',
  setUp: open,
  baseline: (state) => state.baseline(),
  subject,
  tearDown: (state) => state.close(),
})

export const scenarios = [
  row(`p95 at ${perSecond}/s`, { goal: { value: 5 }, gate: { value: 5 } }, p95AtRate),
  // 800 and 200 a second.
  row(`each, ${atOnce} under way`, { goal: { value: 1.25 }, gate: { value: 5 } }, inTurn),
]
