// Signatures between a real server, a real vault and the runner's own client: an attempt signs while it goes on, with what its ticket
// admits, and every signature leaves a row that says which digest.
import assert from 'node:assert/strict'
import { createHash, createPublicKey, generateKeyPairSync, verify } from 'node:crypto'
import { after, test } from 'node:test'
import { sql } from 'kysely'
import { askSecrets, evidenceOfJob } from '../../../test/support/evidence.ts'
import { addLocalProject, enrolRunner, openParts } from '../../../test/support/parts.ts'
import { runnerRequests } from '../../../test/support/runner-requests.ts'
import { createScriptedRunner, type Held } from '../../../test/support/scripted-runner.ts'
import { type CallVault, enrolSigner, makeSigner, signPut, signRevoke } from '../../../test/support/signer.ts'
import { fromBase64Url } from '../../base/bytes.ts'
import { silentLog } from '../../base/log.ts'
import { createServerSigning } from '../../runner/signing/server-signing.ts'
import { importVerifyKey } from '../../seal/index.ts'
import { createSecrets } from '../secrets/secrets.ts'

const parts = await openParts()
const secrets = createSecrets(parts)
const call: CallVault = (verb, request) =>
  verb === 'signer.code' ? parts.admin(verb, request) : parts.vault.call(verb, request)
const signer = await makeSigner()
await enrolSigner(call, signer)
const nowSeconds = Math.floor(parts.clock.now() / 1000)
const project = await addLocalProject(parts, 'web')
const enrolled = await enrolRunner(parts, 'one')
const other = await enrolRunner(parts, 'other')
const runner = createScriptedRunner(parts, enrolled, { free: { 'built-in': 4, small: 8 } })
after(() => runner.close())

const [own, foreign] = [runnerRequests(parts, enrolled), runnerRequests(parts, other)]

const content = Buffer.from('what is released')
const digest = `sha256:${createHash('sha256').update(content).digest('hex')}`
const signs = (held: Held, { step = 1, requests = own } = {}) =>
  createServerSigning(
    { requests, grant: held, log: silentLog, prove: async () => ({ evidence: evidenceOfJob(held) }) },
    [],
  ).sign(step, { verb: 'sign', name: 'RELEASE', digest }, AbortSignal.timeout(30_000))

/** The one job of a run of this ref, and what it may sign with. */
const jobOf = async (ref = 'refs/heads/main') => {
  await parts.runs.startRun(parts.actor, { project, ref })
  const [first] = await runner.take({}, 1)
  // The plan of a known commit is not made again.
  if (first?.spec.kind === 'plan') await runner.finishPlan(first, [{ key: 'a' }])
  const [held] = first?.spec.kind === 'plan' ? await runner.take({}, 1) : [first]
  assert.ok(held)
  const vsign = (await importVerifyKey(fromBase64Url((await call('health', {})).vsign)!))!
  const asked = await askSecrets(runner, held, { vsign })
  const { signing = [], secrets: given } = await asked.open()
  assert.deepEqual(given, [])
  return { held, signing }
}

const rows = async () =>
  (
    await sql`select actor_kind, actor_id, target, project_id, result, code, details from audit
      where action = 'secret.sign' order by id`.execute(parts.db)
  ).rows

const put = async () => {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-384' })
  const value = Buffer.from(privateKey.export({ format: 'pem', type: 'pkcs8' }))
  const of = { owner: project, name: 'RELEASE', value, nowSeconds, body: { kind: 'signing' as const } }
  return secrets.put(parts.actor, { project }, JSON.parse(JSON.stringify(await signPut(call, signer, of))))
}

test('an attempt signs while it goes on, what it signed is written down, and a viewer has the public half', async () => {
  const shown = await put()
  const viewer = { ...parts.actor, kind: 'user', role: 'developer' } as never
  const [named] = (await secrets.list(viewer, { project })).items
  assert.deepEqual([named?.detail, named?.signing], [null, shown.signing])
  const publicKey = createPublicKey(named?.signing?.public_key ?? '')
  const { held, signing } = await jobOf()
  assert.deepEqual(signing, ['RELEASE'])
  const { secret, algorithm, signature } = await signs(held)
  assert.equal(algorithm, 'ecdsa-p384')
  assert.ok(verify('sha256', content, publicKey, fromBase64Url(signature) ?? assert.fail()))
  assert.deepEqual(await rows(), [
    {
      ...{
        actor_kind: 'host',
        actor_id: enrolled.id,
        target: secret,
        project_id: project,
        result: 'ok',
        code: null,
      },
      details: { attempt: held.attempt, step: 1, digest, version: 1, algorithm },
    },
  ])
  const listed = await secrets.signatures(parts.actor, { project }, 'RELEASE', { limit: 1 })
  const { run } = held.spec.kind === 'job' ? held.spec : assert.fail()
  const [{ at: _, ...one } = assert.fail()] = listed.items
  assert.deepEqual(
    [one, listed.next_cursor],
    [
      {
        ...{ digest, algorithm, version: 1, run_id: run.id, run_number: run.number, project: 'web' },
        ...{ attempt_id: held.attempt, step: 1, runner_id: enrolled.id },
      },
      null,
    ],
  )
  await assert.rejects(signs(held, { step: 99 }), { code: 'E_INPUT' })
  await assert.rejects(signs(held, { requests: foreign }), { code: 'E_LEASE_LOST' })
  await runner.finish(held)
  await assert.rejects(signs(held), { code: 'E_LEASE_LOST' })
  assert.equal((await rows()).length, 1)
})

test('a ref that the policy does not name gets none, and a revoked key signs for nobody: in words, written down', async () => {
  const { held, signing } = await jobOf('refs/heads/other')
  assert.deepEqual(signing, [])
  await assert.rejects(signs(held), { code: 'E_FORBIDDEN', public: /does not sign with RELEASE/ })
  await runner.finish(held)
  const going = await jobOf()
  const { detail } = (await secrets.find(parts.actor, { project }, 'RELEASE')) ?? assert.fail()
  const of = { owner: project, name: 'RELEASE', nowSeconds, prev: detail?.head ?? null }
  const revoke = JSON.parse(JSON.stringify(await signRevoke(signer, of)))
  await secrets.revoke(parts.actor, { project }, 'RELEASE', revoke)
  await assert.rejects(signs(going.held), { code: 'E_FORBIDDEN' })
  await runner.finish(going.held)
  const denied = (await rows()).slice(1) as {
    target: string
    result: string
    code: string
    details: object
  }[]
  assert.deepEqual(
    denied.map(({ target, result, code, details }) => [target, result, code, details]),
    [held, going.held].map(({ attempt }) => ['-', 'denied', 'MF4003', { attempt, step: 1, digest }]),
  )
})
