// Targets and their deliveries over a real database and vault, told to a real receiver; the time passes as the test says.
import assert from 'node:assert/strict'
import { createHmac, createPublicKey, verify } from 'node:crypto'
import { test } from 'node:test'
import { type KyselyPlugin, sql } from 'kysely'
import { losingCommits } from '../../../test/support/lost-commit.ts'
import { ok } from '../../../test/support/webhook-receiver.ts'
import { openWebhookWorld, secretOf } from '../../../test/support/webhook-world.ts'
import { toBase64Url } from '../../base/bytes.ts'
import { fault, isFault } from '../../base/faults.ts'
import { parseId } from '../../base/ids.ts'
import { generateSealingKey } from '../../seal/index.ts'
import { inTransaction } from '../db/transaction.ts'
import { limits } from '../limits.ts'
import { claimDue, dueLook, forgetDeliveries, sendOne } from './send.ts'
import { createWebhooks } from './webhooks.ts'

const world = await openWebhookWorld()
const { parts, receiver, webhooks, clock } = world
const { db, actor } = parts
const named = (webhook: string) => ({ project: 'web', webhook })
const answering = (status: number, text = '') =>
  receiver.answers((response) => void response.writeHead(status).end(text))
const signed = ({ headers, body }: (typeof receiver.received)[number]) =>
  `${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`
const macOf = (secret: string, text: string) =>
  createHmac('sha256', Buffer.from(secret.slice('whsec_'.length), 'base64'))
    .update(text)
    .digest('base64')
const isSignedBy = (publicKey: string, signature: string, text: string) => {
  const der = Buffer.concat([
    Buffer.from('302a300506032b6570032100', 'hex'),
    Buffer.from(publicKey.slice('whpk_'.length), 'base64'),
  ])
  const key = createPublicKey({ key: der, format: 'der', type: 'spki' })
  return verify(null, Buffer.from(text), key, Buffer.from(signature, 'base64'))
}
const refuses = (work: Promise<unknown>, code: Parameters<typeof isFault>[1], words: RegExp) =>
  assert.rejects(work, (error) => {
    assert.ok(isFault(error, code), String(error))
    assert.match(error.public, words)
    return true
  })

test('a ping arrives with both signatures, made with keys that only the vault and its person have', async () => {
  const made = await world.add('first')
  assert.match(made.secret, /^whsec_[A-Za-z0-9+/]{43}=$/)
  const ping = await webhooks.test(actor, named('first'))
  assert.deepEqual([ping.event, ping.state, ping.tries], ['ping', 'waiting', 0])
  await world.sendDue()
  const [received] = receiver.received
  assert.ok(received)
  assert.equal(received.headers['webhook-id'], ping.id)
  const signatures = received.headers['webhook-signature']!.split(' ').map((each) => each.split(','))
  assert.deepEqual(
    signatures.map(([version]) => version),
    ['v1', 'v1a'],
  )
  assert.equal(signatures[0]?.[1], macOf(made.secret, signed(received)))
  assert.ok(isSignedBy(made.webhook.public_key, signatures[1]![1]!, signed(received)))
  assert.ok(!isSignedBy(made.webhook.public_key, signatures[1]![1]!, `${signed(received)} `))
  const body = JSON.parse(received.body)
  assert.deepEqual([body.type, body.data.webhook.name], ['ping', 'first'])
  const told = await world.last('first')
  assert.deepEqual(
    [told.state, told.tries, told.last?.response, told.last?.answer],
    ['delivered', 1, 200, 'thanks'],
  )
  const { rows } = await sql<{ text: string }>`
    select (select string_agg(w::text, '') from webhooks w) || (select string_agg(d::text, '') from webhook_deliveries d) as text`.execute(
    db,
  )
  assert.ok(!rows[0]!.text.includes(made.secret.slice(6)))
})

test('what is not delivered is tried ten times, with the same id and body, at the times of the plan', async () => {
  await world.add('deaf')
  answering(500, 'no\0t now')
  await webhooks.test(actor, named('deaf'))
  const before = receiver.received.length
  const pauses = limits.webhooks.pausesMs
  for (let tries = 1; tries <= pauses.length; tries++) {
    assert.equal((await world.sendDue()).length, 1)
    const told = await world.last('deaf')
    assert.deepEqual([told.state, told.tries, told.last?.answer], ['waiting', tries, 'no\u2400t now'])
    const wait = Date.parse(told.next_at!) - Date.parse(told.last!.at)
    const pause = pauses[tries - 1]!
    assert.ok(wait >= pause && wait < pause + 60_000, `${wait} after ${tries}`)
    assert.equal((await world.sendDue()).length, 0)
    clock.pass(wait)
  }
  await world.sendDue()
  clock.pass(1_000_000_000)
  assert.equal((await world.sendDue()).length, 0)
  const told = await world.last('deaf')
  assert.deepEqual([told.state, told.tries, told.next_at], ['failed', 10, null])
  const tries = receiver.received.slice(before)
  assert.equal(new Set(tries.map(({ headers, body }) => `${headers['webhook-id']} ${body}`)).size, 1)
  assert.equal(new Set(tries.map(({ headers }) => headers['webhook-timestamp'])).size, 10)
})

test('what a clock that was ahead put off is sent when it came back', async () => {
  await world.add('early')
  const yearMs = 365 * 86_400_000
  clock.pass(yearMs)
  answering(500)
  await webhooks.test(actor, named('early'))
  await world.sendDue()
  assert.equal((await world.last('early')).state, 'waiting')
  clock.pass(-yearMs)
  answering(200)
  await world.sendDue()
  assert.equal((await world.last('early')).state, 'delivered')
  await webhooks.remove(actor, named('early'))
})

test('asked for again, it has the same id and body and another round of tries', async () => {
  receiver.answers(ok)
  const { id } = await world.last('deaf')
  const again = await webhooks.redeliver(actor, { ...named('deaf'), message: id })
  assert.equal(again.state, 'waiting')
  await world.sendDue()
  const detail = await webhooks.delivery(parts.scope, { ...named('deaf'), message: id })
  assert.deepEqual([detail.state, detail.tries, detail.list[0]?.number], ['delivered', 11, 11])
  assert.equal(receiver.received.at(-1)?.headers['webhook-id'], id)
  assert.equal(receiver.received.at(-1)?.body, detail.body)
})

test('a target whose commit nobody heard of can sign when it is there', async () => {
  const reach = world.send.reach
  const losing = createWebhooks({ ...parts, database: losingCommits(parts.database), clock, reach })
  const eph = toBase64Url((await generateSealingKey()).publicKey)
  const input = { name: 'lost', url: receiver.url, format: 'standard' as const, eph }
  await assert.rejects(losing.add(actor, 'web', input), /terminated/)
  await webhooks.test(actor, named('lost'))
  answering(200)
  await world.sendDue()
  assert.equal((await world.last('lost')).state, 'delivered')
  await webhooks.remove(actor, named('lost'))
})

test('with nothing due a look is one statement, and an index answers it', async () => {
  await world.sendDue()
  const asked: string[] = []
  const counting: KyselyPlugin = {
    transformQuery: ({ node }) => {
      asked.push(node.kind)
      return node
    },
    transformResult: async ({ result }) => result,
  }
  assert.deepEqual(await claimDue({ ...world.send, db: db.withPlugin(counting) }, { count: 10 }), [])
  assert.equal(asked.length, 1)
  const plan = await inTransaction(db, async (tx) => {
    await sql`set local enable_seqscan = off`.execute(tx)
    return (await sql`explain ${dueLook(new Date())}`.execute(tx)).rows
  })
  assert.match(JSON.stringify(plan), /using webhook_deliveries_next/)
  assert.doesNotMatch(JSON.stringify(plan), /on webhooks/)
})

test('however many servers look, one has it; what a server that ended had is found when its time is over', async () => {
  const { id } = await webhooks.test(actor, named('deaf'))
  const claims = await Promise.all(Array.from({ length: 6 }, () => claimDue(world.send, { count: 10 })))
  assert.deepEqual(
    claims.flat().map(({ message }) => message),
    [id],
  )
  await refuses(
    webhooks.redeliver(actor, { ...named('deaf'), message: id }),
    'E_CONFLICT',
    /being sent right now/,
  )
  assert.equal((await world.sendDue()).length, 0)
  clock.pass(limits.webhooks.claimMs)
  await world.sendDue()
  const detail = await webhooks.delivery(parts.scope, { ...named('deaf'), message: id })
  assert.deepEqual(
    [detail.state, detail.list.map(({ took_ms: took }) => took === null)],
    ['delivered', [false, true]],
  )
  // The one that was taken to be dead comes back: it changes nothing any more.
  const before = receiver.received.length
  answering(500)
  await sendOne(world.send, claims.flat()[0]!)
  assert.equal(receiver.received.length, before + 1)
  assert.equal(receiver.received.at(-1)?.headers['webhook-id'], id)
  assert.equal((await world.last('deaf')).state, 'delivered')
})

test('a vault that is away and a server that ends are no try of the target', async () => {
  receiver.answers(ok)
  const { id } = await webhooks.test(actor, named('deaf'))
  const away = { call: () => Promise.reject(fault('E_VAULT_UNAVAILABLE')) }
  await world.sendDue({ vault: away })
  const waiting = await world.last('deaf')
  assert.deepEqual([waiting.id, waiting.state, waiting.tries], [id, 'waiting', 0])
  clock.pass(limits.webhooks.pauseMs)
  receiver.answers(() => undefined)
  const ending = new AbortController()
  const sending = world.sendDue({ stopping: ending.signal })
  const before = receiver.received.length
  while (receiver.received.length === before) await new Promise((resolve) => setTimeout(resolve, 10))
  ending.abort()
  await sending
  assert.deepEqual([(await world.last('deaf')).state, (await world.last('deaf')).tries], ['waiting', 0])
  clock.pass(limits.webhooks.pauseMs)
  receiver.answers(ok)
  await world.sendDue()
  assert.deepEqual([(await world.last('deaf')).state, (await world.last('deaf')).tries], ['delivered', 1])
})

test('what the vault refuses to sign ends after as many tries as anything else', async () => {
  const { webhook } = await world.add('keyless')
  await parts.vault.call('sender.delete', {
    webhook: parseId('webhook', webhook.id)!,
    project: world.project.id,
  })
  await webhooks.test(actor, named('keyless'))
  for (let look = 0; look < 12; look++) {
    await world.sendDue()
    clock.pass(48 * 3_600_000)
  }
  const { state, tries, last } = await world.last('keyless')
  assert.deepEqual([state, tries, last?.problem], ['failed', 10, 'not-signed'])
  await webhooks.remove(actor, named('keyless'))
})

test('a place that becomes free is for a target that has none, whatever waits for others', async () => {
  for (const name of ['slow', 'quick']) {
    await world.add(name)
    for (let n = 0; n < 3; n++) await webhooks.test(actor, named(name))
  }
  const idOf = async (name: string) => parseId('webhook', (await webhooks.find(parts.scope, named(name))).id)!
  const ids = await Promise.all(['slow', 'quick'].map(idOf))
  const claims: string[] = []
  for (const started of ids) {
    const [claimed] = await claimDue(world.send, { count: 1, started: [started] })
    claims.push(claimed!.webhook)
  }
  assert.deepEqual(claims, ids.toReversed())
  for (const name of ['slow', 'quick']) await webhooks.remove(actor, named(name))
})

test('410 disables the target, what waits for it is dropped, and a person may enable it again', async () => {
  await world.add('gone')
  await webhooks.test(actor, named('gone'))
  await webhooks.test(actor, named('gone'))
  answering(410)
  const [first] = await claimDue(world.send, { count: 1 })
  await sendOne(world.send, first!)
  assert.equal((await webhooks.find(parts.scope, named('gone'))).disabled, 'gone')
  assert.deepEqual((await world.deliveries('gone')).map(({ state }) => state).sort(), ['dropped', 'failed'])
  clock.pass(limits.webhooks.claimMs)
  assert.equal((await world.sendDue()).length, 0)
  await refuses(webhooks.test(actor, named('gone')), 'E_CONFLICT', /disabled/)
  const { rows } = await sql<{ actor_id: string }>`
    select actor_id from audit where action = 'webhook.disable' and actor_kind = 'service'`.execute(db)
  assert.deepEqual(rows, [{ actor_id: 'webhooks' }])
  receiver.answers(ok)
  assert.equal((await webhooks.set(actor, named('gone'), { enabled: true })).disabled, null)
  await webhooks.test(actor, named('gone'))
  await world.sendDue()
  assert.equal((await world.last('gone')).state, 'delivered')
})

test('after a rotation both keys sign for as long as was said, then the new ones alone', async () => {
  const first = await world.add('rotated')
  const key = await generateSealingKey()
  const made = await webhooks.rotate(actor, named('rotated'), {
    ...{ eph: toBase64Url(key.publicKey), overlap_seconds: 3600 },
  })
  const second = await secretOf(key, made)
  assert.notEqual(second, first.secret)
  assert.ok(Date.parse(made.webhook.overlap_until!) > clock.now())
  await webhooks.test(actor, named('rotated'))
  await world.sendDue()
  const both = receiver.received.at(-1)!
  const v1 = (received: typeof both) =>
    received.headers['webhook-signature']!.split(' ').flatMap((each) =>
      each.startsWith('v1,') ? [each.slice(3)] : [],
    )
  assert.deepEqual(
    v1(both),
    [second, first.secret].map((secret) => macOf(secret, signed(both))),
  )
  await webhooks.rotate(actor, named('rotated'), { eph: toBase64Url(key.publicKey), overlap_seconds: 0 })
  await webhooks.test(actor, named('rotated'))
  await world.sendDue()
  assert.equal(v1(receiver.received.at(-1)!).length, 1)
})

test('in the way of CircleCI the body alone is signed, with the text of the secret', async () => {
  const made = await world.add('theirs', { format: 'circleci' })
  assert.deepEqual(made.webhook.events, ['workflow-completed', 'job-completed'])
  await webhooks.test(actor, named('theirs'))
  await world.sendDue()
  const { headers, body } = receiver.received.at(-1)!
  assert.equal(
    headers['circleci-signature'],
    `v1=${createHmac('sha256', made.secret).update(body).digest('hex')}`,
  )
  assert.deepEqual([headers['circleci-event-type'], JSON.parse(body).type], ['ping', 'ping'])
  assert.equal(headers['webhook-signature'], undefined)
  const key = await generateSealingKey()
  const eph = toBase64Url(key.publicKey)
  await refuses(
    webhooks.rotate(actor, named('theirs'), { eph, overlap_seconds: 3600 }),
    'E_INPUT',
    /room for one signature/,
  )
  const rotated = await webhooks.rotate(actor, named('theirs'), { eph })
  assert.equal(rotated.webhook.overlap_until, null, 'nothing is promised of the secret of before')
  await webhooks.test(actor, named('theirs'))
  await world.sendDue()
  const next = receiver.received.at(-1)!
  const mac = createHmac('sha256', await secretOf(key, rotated))
    .update(next.body)
    .digest('hex')
  assert.equal(
    next.headers['circleci-signature'],
    `v1=${mac}`,
    'there is room for one: that of the new secret',
  )
})

test('what a target was told is narrowed by state and event, page by page', async () => {
  await world.add('narrowed')
  for (let n = 0; n < 3; n++) await webhooks.test(actor, named('narrowed'))
  await world.sendDue()
  await webhooks.test(actor, named('narrowed'))
  const of = (query: { state?: 'waiting' | 'delivered'; event?: string; limit?: number; cursor?: string }) =>
    webhooks.deliveries(parts.scope, named('narrowed'), { limit: 100, ...query })
  assert.deepEqual(
    [(await of({ event: 'ping' })).items.length, (await of({ event: 'run.hold' })).items.length],
    [4, 0],
  )
  const first = await of({ event: 'ping', state: 'delivered', limit: 2 })
  const rest = await of({
    event: 'ping',
    state: 'delivered',
    limit: 2,
    cursor: first.next_cursor ?? assert.fail(),
  })
  assert.deepEqual([first.items.length, rest.items.length, rest.next_cursor], [2, 1, null])
  assert.ok(rest.items[0]!.id < first.items[1]!.id)
  await webhooks.remove(actor, named('narrowed'))
})

test('what is no target, taken or too much is refused in words', async () => {
  const withUrl = (url: string) => world.add('x', { url })
  await refuses(withUrl('ftp://example.org/'), 'E_INPUT', /https/)
  for (const url of ['example.org/hook', 'https://', 'file:///etc/passwd', 'https://exa mple.org/'])
    await refuses(withUrl(url), 'E_INPUT', /begin with https:\/\//)
  for (const url of ['https://a:b@example.org/', 'https://token@example.org/'])
    await refuses(withUrl(url), 'E_INPUT', /Leave name and password out/)
  for (const url of ['https://example.org:0/', 'https://example.org:65536', 'https://example.org:99999/x'])
    await refuses(withUrl(url), 'E_INPUT', /port is none from 1 to 65535/)
  await refuses(withUrl('https://10.1.2.3/'), 'E_INPUT', /private network.*webhooks\.allow/)
  await refuses(withUrl('http://169.254.169.254/latest'), 'E_INPUT', /private network/)
  await refuses(withUrl('http://93.184.215.14/'), 'E_INPUT', /https/)
  const target = (url: string) => webhooks.set(actor, named('first'), { url })
  await refuses(target('https://[fd00::1]/'), 'E_INPUT', /private network/)
  await refuses(target('https://example.org:0/'), 'E_INPUT', /port/)
  await refuses(world.add('first'), 'E_CONFLICT', /named first/)
  await refuses(webhooks.set(actor, named('first'), { name: 'deaf' }), 'E_CONFLICT', /named deaf/)
  await refuses(webhooks.set(actor, named('first'), { events: ['job-completed'] }), 'E_INPUT', /run\.queued/)
  await refuses(webhooks.find(parts.scope, named('nobody')), 'E_NOT_FOUND', /target/)
  await refuses(
    webhooks.delivery(parts.scope, { ...named('first'), message: 'x' }),
    'E_NOT_FOUND',
    /delivery/,
  )
  const { rows: before } = await sql<{ n: number }>`select count(*)::integer as n from webhooks`.execute(db)
  for (let n = before[0]!.n; n < limits.webhooks.perProjectMax; n++) await world.add(`more ${n}`)
  await refuses(world.add('one too many'), 'E_CONFLICT', /At most 20/)
})

test('what is over is forgotten after its time, what waits is not', async () => {
  await webhooks.test(actor, named('first'))
  await sql`update webhook_deliveries set occurred_at = now() - make_interval(days => 15)`.execute(db)
  await forgetDeliveries(db)
  assert.deepEqual((await world.deliveries('deaf')).length, 0)
  assert.deepEqual(
    (await world.deliveries('first')).map(({ state }) => state),
    ['waiting'],
  )
  const { rows } = await sql`select 1 from webhook_tries`.execute(db)
  assert.equal(rows.length, 0)
})

test('a target that is removed takes its keys and deliveries with it', async () => {
  const { webhook } = await world.add('brief').catch(async () => {
    await webhooks.remove(actor, named('more 6'))
    return world.add('brief')
  })
  await webhooks.test(actor, named('brief'))
  await webhooks.remove(actor, named('brief'))
  await refuses(webhooks.find(parts.scope, named('brief')), 'E_NOT_FOUND', /target/)
  const { rows } = await sql`select 1 from webhook_deliveries where webhook_id = ${webhook.id}`.execute(db)
  assert.equal(rows.length, 0)
})
