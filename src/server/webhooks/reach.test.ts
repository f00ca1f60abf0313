// Where a webhook may go, and how much of an answer is taken: against real listeners on loopback, and names that a test resolves.
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer as createHttps } from 'node:https'
import { type AddressInfo, createServer as createTcp } from 'node:net'
import { networkInterfaces, tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { makeCertificate } from '../../../test/support/certificate.ts'
import { createRandom } from '../../../test/support/random.ts'
import { openReceiver } from '../../../test/support/webhook-receiver.ts'
import { parseOpened, post, type Reach, refusalOf, resolveName, textOf } from './reach.ts'

const receiver = await openReceiver()
after(() => receiver.close())
const closed: Reach = { opened: parseOpened([]), resolve: resolveName, authorities: null }
const opened: Reach = { ...closed, opened: parseOpened([receiver.allow]) }
const resolving =
  (...addresses: readonly string[]): Reach['resolve'] =>
  async () =>
    addresses
const send = (reach: Reach, url: string) => post(reach, { url, headers: { 'x-test': 'yes' }, body: '{}' })
const arrived = () => receiver.received.length

test('what the operator opened is told; the rest of this machine and its networks is not', async () => {
  const sent = await send(opened, receiver.url)
  assert.deepEqual([sent.response, sent.problem, sent.answer], [200, null, 'thanks'])
  assert.equal(receiver.received.at(-1)?.headers['x-test'], 'yes')
  const before = arrived()
  const port = receiver.port
  const mine = Object.values(networkInterfaces()).flatMap((each = []) => each.map(({ address }) => address))
  const hosts = [
    ...['127.0.0.1', '127.1', '2130706433', '0x7f.1', '0.0.0.0', '[::1]', '[::]', '[::ffff:127.0.0.1]'],
    ...['[::ffff:7f00:1]', '[64:ff9b::7f00:1]', '10.0.0.1', '172.16.0.1', '192.168.1.1', '100.64.0.1'],
    ...['169.254.169.254', '[fd00:ec2::254]', '[fe80::1]', '224.0.0.1', '198.18.0.1', 'localhost'],
    ...mine.map((address) => (address.includes(':') ? `[${address.replace(/%.*/, '')}]` : address)),
  ]
  for (const host of hosts)
    for (const scheme of ['http', 'https']) {
      const { problem, response } = await send(closed, `${scheme}://${host}:${port}/`)
      assert.deepEqual([host, problem, response], [host, 'address-refused', null])
    }
  assert.equal(arrived(), before)
})

test('a port that was not opened stays closed', async () => {
  const other = parseOpened([`127.0.0.0/8:${receiver.port + 1}`])
  assert.equal((await send({ ...closed, opened: other }, receiver.url)).problem, 'address-refused')
})

test('a name is judged by all it resolves to, at the moment of the connection', async () => {
  const before = arrived()
  const at = (resolve: Reach['resolve'], reach = closed) =>
    send({ ...reach, resolve }, `http://target.example:${receiver.port}/hook`)
  assert.equal((await at(resolving('127.0.0.1'))).problem, 'address-refused')
  assert.equal((await at(resolving('93.184.215.14', '127.0.0.1'))).problem, 'address-refused')
  assert.equal((await at(resolving('169.254.169.254'))).problem, 'address-refused')
  assert.equal((await at(resolving('::ffff:10.0.0.1'))).problem, 'address-refused')
  assert.equal((await at(resolving('93.184.215.14'))).problem, 'http-refused')
  assert.equal((await at(resolving())).problem, 'name-not-found')
  assert.equal((await at(() => Promise.reject(new Error('no DNS')))).problem, 'name-not-found')
  assert.equal(arrived(), before)
  // Rebinding: the second answer would be another. It is not asked for.
  const asked: string[] = []
  const rebinding: Reach['resolve'] = async (name) => {
    asked.push(name)
    return asked.length === 1 ? ['127.0.0.1'] : ['169.254.169.254']
  }
  const sent = await at(rebinding, opened)
  assert.deepEqual([sent.response, asked], [200, ['target.example']])
  assert.equal(receiver.received.at(-1)?.headers.host, `target.example:${receiver.port}`)
  assert.equal((await at(rebinding, opened)).problem, 'address-refused')
})

test('when one address of a name takes no connection, another is asked', async () => {
  const reach = { ...closed, opened: parseOpened([`127.0.0.0/8:${receiver.port}`]) }
  const url = `http://target.example:${receiver.port}/hook`
  const sent = await send({ ...reach, resolve: resolving('127.0.0.9', '127.0.0.1') }, url)
  assert.deepEqual([sent.response, sent.problem], [200, null])
  assert.equal(receiver.received.at(-1)?.headers.host, `target.example:${receiver.port}`)
  const nowhere = await send({ ...reach, resolve: resolving('127.0.0.9', '127.0.0.8') }, url)
  assert.equal(nowhere.problem, 'connection-failed')
})

test('a redirect is an answer and not a way', async () => {
  const before = arrived()
  receiver.answers((response) =>
    response.writeHead(302, { location: 'http://169.254.169.254/latest/meta-data/' }).end('go on'),
  )
  const sent = await send(opened, receiver.url)
  assert.deepEqual([sent.response, sent.answer, arrived()], [302, 'go on', before + 1])
})

test('an answer without an end, without a pause or without a word is bounded', async () => {
  receiver.answers((response) => {
    const flood = () => {
      while (response.write('x'.repeat(65_536)));
    }
    response.on('drain', flood)
    flood()
  })
  const flooded = await send(opened, receiver.url)
  assert.deepEqual([flooded.response, flooded.answer], [200, 'x'.repeat(1024)])
  receiver.answers((response) => void response.write('and then'))
  const stalled = await send({ ...opened, timeoutMs: 300 }, receiver.url)
  assert.deepEqual([stalled.response, stalled.answer], [200, 'and then'])
  receiver.answers(() => undefined)
  const silent = await send({ ...opened, timeoutMs: 300 }, receiver.url)
  assert.deepEqual([silent.response, silent.problem], [null, 'timeout'])
  receiver.answers((response) => void response.writeHead(200, { 'x-long': 'x'.repeat(64 * 1024) }).end())
  assert.equal((await send(opened, receiver.url)).problem, 'connection-failed')
  const never: Reach['resolve'] = () => new Promise(() => undefined)
  const slow = await send({ ...opened, resolve: never, timeoutMs: 300 }, 'https://slow.example/')
  assert.equal(slow.problem, 'timeout')
})

test('what does not speak HTTP is a failed connection', async () => {
  const server = createTcp((socket) => {
    socket.on('error', () => undefined).resume()
    socket.end('SSH-2.0-OpenSSH\r\n')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const reach = { ...closed, opened: parseOpened([`127.0.0.1/32:${port}`]) }
  assert.equal((await send(reach, `http://127.0.0.1:${port}/`)).problem, 'connection-failed')
  await new Promise((resolve) => server.close(resolve))
  assert.equal((await send(reach, `http://127.0.0.1:${port}/`)).problem, 'connection-failed')
})

test('a certificate counts when an authority that is believed made it for this name', async () => {
  const place = await mkdtemp(join(tmpdir(), 'mf-reach-'))
  after(() => rm(place, { recursive: true, force: true }))
  const made = await makeCertificate(place, 'target.example')
  const server = createHttps(made, (_, response) => response.end('over TLS'))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  after(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  const reach: Reach = {
    ...{ opened: parseOpened([`127.0.0.1/32:${port}`]), resolve: resolving('127.0.0.1') },
    authorities: made.cert,
  }
  assert.equal((await send(reach, `https://target.example:${port}/`)).answer, 'over TLS')
  const failures = [
    await send({ ...reach, authorities: null }, `https://target.example:${port}/`),
    await send(reach, `https://other.example:${port}/`),
  ]
  for (const { problem, response } of failures) assert.deepEqual([problem, response], ['tls-failed', null])
})

test('whoever names a target hears at once what will never be told', async () => {
  const ask = (url: string, reach = closed) => refusalOf(reach, new URL(url))
  assert.equal(await ask('https://10.0.0.1/'), 'address-refused')
  assert.equal(await ask('http://93.184.215.14/'), 'http-refused')
  assert.equal(await ask('https://93.184.215.14/'), null)
  assert.equal(await ask('https://not.there.example/', { ...closed, resolve: resolving() }), null)
  assert.equal(await ask('http://not.there.example/', { ...closed, resolve: resolving() }), 'http-refused')
  assert.equal(await ask('http://not.there.example/', { ...opened, resolve: resolving() }), 'http-refused')
  assert.equal(
    await ask(`http://opened.example:${receiver.allow.split(':').at(-1)}/`, {
      ...opened,
      resolve: resolving('127.0.0.1'),
    }),
    null,
  )
})

test('any bytes become text that the tables take, below the bound', () => {
  const random = createRandom(7)
  for (let round = 0; round < 2_000; round++) {
    const bytes = Buffer.from(
      Array.from({ length: random(3_000) }, () => (random(3) === 0 ? 0 : random(256))),
    )
    const text = textOf(bytes)
    assert.ok(text.length <= 1024 && text.isWellFormed() && !text.includes('\0'))
  }
})
