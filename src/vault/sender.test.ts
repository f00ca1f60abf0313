// The keys of webhooks: signatures as others compute them, and what the vault refuses.
import assert from 'node:assert/strict'
import { createHmac, createPublicKey, generateKeyPairSync, verify } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { makeWorld, newId } from '../../test/support/vault-world.ts'
import { guideCode } from '../../test/support/webhook-receiver.ts'
import { fromBase64Url, toBase64Url, utf8Decode } from '../base/bytes.ts'
import type { ProjectId } from '../base/ids.ts'
import { generateSealingKey, openWebhookSecret } from '../seal/index.ts'
import { bodySignature, hmacSignature, keySignature } from './keys/message-signatures.ts'
import { sendersPerProjectMax } from './limits.ts'

/** From the tests of Standard Webhooks' own libraries. */
const vector = {
  secret: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
  message: { message: 'msg_p5jXN8AQM9LWM0D4loKWxJek', at: 1_614_265_330, body: '{"test": 2432232314}' },
  signature: 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
}
const keyOf = (secret: string) => Buffer.from(secret.slice('whsec_'.length), 'base64')
const headersOf = ({ message, at }: typeof vector.message, signature: string) => ({
  ...{ 'webhook-id': message, 'webhook-timestamp': `${at}`, 'webhook-signature': signature },
})

const world = await makeWorld()
const { call, clock, project } = world
const webhook = newId('webhook')
const eph = await generateSealingKey()
const ephKey = toBase64Url(eph.publicKey)
const open = async (sealed: string) =>
  utf8Decode((await openWebhookSecret(eph, fromBase64Url(sealed)!, webhook))!)!
const message = { message: newId('message'), at: 1_790_000_000, body: '{"type":"ping"}' }
const sign = () => call('sender.sign', { webhook, project, ...message })
const refused = async (verb: Parameters<typeof world.post>[0], body: object): Promise<string> => {
  const answer = await world.post(verb, body)
  assert.notEqual(answer.status, 200)
  return (answer.body as { error: { code: string } }).error.code
}

test('v1 is what the vector of Standard Webhooks says', () => {
  assert.equal(hmacSignature(keyOf(vector.secret), vector.message), vector.signature)
})

test('v1a is an Ed25519 signature over the same text', () => {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  const made = keySignature(privateKey.export({ format: 'der', type: 'pkcs8' }), vector.message)
  const { message, at, body } = vector.message
  const isGood = (text: string) =>
    verify(null, Buffer.from(text), publicKey, Buffer.from(made.slice('v1a,'.length), 'base64'))
  assert.match(made, /^v1a,/)
  assert.ok(isGood(`${message}.${at}.${body}`))
  assert.ok(!isGood(`${message}.${at}.${body} `))
})

test('the form of CircleCI is the HMAC of the body under the text of the secret', () => {
  // From its documentation: secret, body and signature.
  assert.equal(
    bodySignature(Buffer.from('secret'), 'hello world'),
    'v1=734cc62f32841568f45715aeb9f4d7891324e6d948e4c6c60c0621cdac48623a',
  )
})

test('the code of the guide takes the vector and nothing that is beside it', async () => {
  const { verifySecret, verifyPublicKey } = await guideCode()
  const { secret, message, signature } = vector
  const now = message.at * 1000
  const ask = (changes: { at?: number; body?: string; secret?: string; signature?: string; now?: number }) =>
    verifySecret(
      headersOf({ ...message, at: changes.at ?? message.at }, changes.signature ?? signature),
      changes.body ?? message.body,
      changes.secret ?? secret,
      changes.now ?? now,
    )
  assert.ok(ask({}))
  assert.ok(ask({ signature: `v1,AAAA v1a,AAAA ${signature}` }))
  assert.ok(!ask({ body: `${message.body} ` }))
  assert.ok(!ask({ at: message.at + 1 }))
  assert.ok(!ask({ now: now + 301_000 }))
  assert.ok(!ask({ secret: `whsec_${Buffer.alloc(24).toString('base64')}` }))
  for (const bad of ['', 'v1', 'v1,', 'v1,AAAA', signature.replace('v1,', 'v2,')])
    assert.ok(!ask({ signature: bad }))
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  const raw = publicKey.export({ format: 'der', type: 'spki' }).subarray(-32).toString('base64')
  const made = keySignature(privateKey.export({ format: 'der', type: 'pkcs8' }), message)
  assert.ok(verifyPublicKey(headersOf(message, made), message.body, `whpk_${raw}`, now))
  assert.ok(!verifyPublicKey(headersOf(message, made), `${message.body} `, `whpk_${raw}`, now))
  assert.ok(!verifyPublicKey(headersOf(message, 'v1a,AAAA'), message.body, `whpk_${raw}`, now))
})

test('a target gets keys of its own, and what they sign is checked with what was shown', async () => {
  const made = await call('sender.create', { webhook, project, eph: ephKey })
  const secret = await open(made.secretSealed)
  const { standard, circleci } = await sign()
  assert.equal(standard[0], hmacSignature(keyOf(secret), message))
  const der = Buffer.concat([
    Buffer.from('302a300506032b6570032100', 'hex'),
    Buffer.from(made.publicKey.slice('whpk_'.length), 'base64'),
  ])
  const publicKey = createPublicKey({ key: der, format: 'der', type: 'spki' })
  const text = Buffer.from(`${message.message}.${message.at}.${message.body}`)
  assert.ok(verify(null, text, publicKey, Buffer.from(standard[1]!.slice('v1a,'.length), 'base64')))
  assert.equal(circleci, `v1=${createHmac('sha256', secret).update(message.body).digest('hex')}`)
  const record = await readFile(join(world.options.dataDir, 'store', 'sender', `${webhook}.json`), 'utf8')
  assert.ok(!record.includes(secret.slice('whsec_'.length)))
})

test('a rotation makes new keys; those of before sign until their time is over', async () => {
  const [before] = (await sign()).standard
  const made = await call('sender.rotate', { webhook, project, eph: ephKey, overlapSeconds: 60 })
  const both = await sign()
  assert.equal(both.standard.length, 4)
  assert.equal(both.standard[0], hmacSignature(keyOf(await open(made.secretSealed)), message))
  assert.equal(both.standard[2], before)
  clock.seconds += 61
  assert.deepEqual((await sign()).standard, both.standard.slice(0, 2))
  await call('sender.rotate', { webhook, project, eph: ephKey, overlapSeconds: 0 })
  assert.equal((await sign()).standard.length, 2)
})

test('keys outlive a restart, and nothing of another project or nobody signs or changes', async () => {
  const before = await sign()
  await world.restart()
  assert.deepEqual(await sign(), before)
  const other = newId('project')
  assert.equal(await refused('sender.sign', { webhook, project: other, ...message }), 'E_NOT_FOUND')
  const rotation = { webhook, project: other, eph: ephKey, overlapSeconds: 0 }
  assert.equal(await refused('sender.rotate', rotation), 'E_NOT_FOUND')
  assert.equal(await refused('sender.create', { webhook, project, eph: ephKey }), 'E_CONFLICT')
  const fresh = { webhook: newId('webhook'), project: other, eph: ephKey }
  assert.equal(await refused('sender.create', fresh), 'E_NOT_FOUND')
  const unusable = { webhook: newId('webhook'), project, eph: toBase64Url(new Uint8Array(32)) }
  assert.equal(await refused('sender.create', unusable), 'E_INPUT')
  const large = { webhook, project, ...message, body: 'x'.repeat(20 * 1024 + 1) }
  assert.equal(await refused('sender.sign', large), 'E_INPUT')
  await call('sender.delete', { webhook, project: other })
  assert.deepEqual(await sign(), before)
})

test('what is deleted signs no more, and a project takes its targets with it', async () => {
  await call('sender.delete', { webhook, project })
  assert.equal(await refused('sender.sign', { webhook, project, ...message }), 'E_NOT_FOUND')
  await call('sender.create', { webhook, project, eph: ephKey })
  const theirs = { webhook: newId('webhook'), project: await world.addProject() }
  await call('sender.create', { ...theirs, eph: ephKey })
  await call('project.delete', { project })
  assert.equal(await refused('sender.sign', { webhook, project, ...message }), 'E_NOT_FOUND')
  assert.equal((await call('sender.sign', { ...theirs, ...message })).standard.length, 2, 'another project')
})

test('a project has so many targets, however many another one has; of two rotations at once one counts', async () => {
  const [one, other] = [await world.addProject(), await world.addProject()]
  const target = (of: ProjectId) => ({ webhook: newId('webhook'), project: of, eph: ephKey })
  const [first, elsewhere] = [target(one), target(other)]
  await call('sender.create', elsewhere)
  await call('sender.create', first)
  for (let i = 1; i < sendersPerProjectMax; i++) await call('sender.create', target(one))
  assert.equal(await refused('sender.create', target(one)), 'E_CONFLICT')
  await call('sender.create', target(other))
  const rotation = { ...first, overlapSeconds: 60 }
  const told = await Promise.all([1, 2].map(() => world.post('sender.rotate', rotation)))
  assert.deepEqual(told.map(({ status }) => status).toSorted(), [200, 409])
})
