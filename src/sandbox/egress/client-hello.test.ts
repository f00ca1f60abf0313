import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { test } from 'node:test'
import { connect as connectTls } from 'node:tls'
import { readClientHello } from './client-hello.ts'

/** What Node's own TLS really sends. */
const realHello = async (servername: string): Promise<Buffer> => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  const client = connectTls({ socket: connect(port, '127.0.0.1'), servername, rejectUnauthorized: false })
  client.on('error', () => undefined)
  const [socket] = await once(server, 'connection')
  const [bytes] = await once(socket, 'data')
  socket.destroy()
  client.destroy()
  server.close()
  return bytes
}

const kindOf = (bytes: Uint8Array) => {
  const reading = readClientHello(bytes)
  return reading.kind === 'name' ? reading.name : reading.kind === 'bad' ? reading.why : 'more'
}

/** The same handshake in records of `size` bytes. */
const inRecords = (hello: Buffer, size: number): Buffer => {
  const body = hello.subarray(5)
  const parts: Buffer[] = []
  for (let at = 0; at < body.length; at += size) {
    const part = body.subarray(at, at + size)
    parts.push(Buffer.from([22, 3, 1, part.length >> 8, part.length & 255]), part)
  }
  return Buffer.concat(parts)
}

test('the name is found in a real hello, whole, byte by byte and in small records', async () => {
  const hello = await realHello('name.example')
  assert.equal(kindOf(hello), 'name.example')
  for (let length = 1; length < hello.length; length++)
    assert.equal(kindOf(hello.subarray(0, length)), 'more', `${length}`)
  for (const size of [1, 7, 100]) {
    const records = inRecords(hello, size)
    assert.equal(kindOf(records), 'name.example', `records of ${size}`)
    for (let length = 1; length < records.length; length += 13)
      assert.equal(kindOf(records.subarray(0, length)), 'more')
  }
})

test('the announced need is never more than what decides', async () => {
  const hello = inRecords(await realHello('name.example'), 50)
  let have = 1
  for (let rounds = 0; rounds < 100; rounds++) {
    const reading = readClientHello(hello.subarray(0, have))
    if (reading.kind !== 'more') break
    assert(reading.need > have && reading.need <= hello.length, `${have} -> ${reading.need}`)
    have = reading.need
  }
  assert.equal(kindOf(hello.subarray(0, have)), 'name.example')
})

test('a hello is in records of a handshake only: none that a server passes over is read as one', async () => {
  const [allowed, real] = [await realHello('allowed.example'), await realHello('other.example')]
  for (const type of [20, 21, 23, 24]) {
    const first = Buffer.concat([Buffer.from([type]), allowed.subarray(1), real])
    assert.equal(kindOf(first), 'not-tls', `${type} first`)
    const [head, rest] = [inRecords(real, 7).subarray(0, 12), inRecords(real, 7).subarray(12)]
    const between = Buffer.concat([head, Buffer.from([type, 3, 3, 0, 1, 1]), rest])
    assert.equal(kindOf(between), 'not-tls', `${type} between`)
  }
})

test('a hello without a name has none', async () => assert.equal(kindOf(await realHello('')), null))

test('what is not a hello is refused at once', () => {
  for (const text of [
    'GET / HTTP/1.1',
    'SSH-2.0-x',
    '\x15\x03\x01\x00\x02\x02\x28',
    '\x16\x02\x00\x00\x05hello',
  ])
    assert.equal(kindOf(Buffer.from(text, 'latin1')), 'not-tls', text)
  assert.equal(kindOf(Buffer.from([22, 3, 1, 0, 4, 2, 0, 0, 0])), 'not-tls', 'a server hello')
  assert.equal(kindOf(Buffer.from([22, 3, 1, 0, 0])), 'not-tls', 'an empty record')
  assert.equal(kindOf(Buffer.from([22, 3, 1, 0xff, 0xff])), 'not-tls', 'a record longer than TLS allows')
  assert.equal(kindOf(Buffer.from([22, 3, 1, 0, 4, 1, 1, 0, 0])), 'not-tls', 'a hello of 64 KiB')
})

test('damaged hellos are never read as another name', async () => {
  const hello = await realHello('name.example')
  const at = hello.indexOf('name.example')
  const twice = Buffer.from(hello)
  twice.writeUInt16BE(hello.readUInt16BE(at - 2) + 1, at - 2)
  assert.equal(kindOf(twice), 'tls-malformed', 'a name longer than its list')
  const spaced = Buffer.from(hello)
  spaced.write(' ', at, 'latin1')
  assert.equal(kindOf(spaced), 'tls-malformed')
  for (let i = 5; i < hello.length; i++) {
    if (i >= at && i < at + 12) continue
    const damaged = Buffer.from(hello)
    damaged[i] = (damaged[i] ?? 0) ^ 0x5a
    const seen = kindOf(damaged)
    const fine = [null, 'name.example', 'more', 'not-tls', 'tls-malformed', 'tls-hello-too-long']
    assert(fine.includes(seen), `${i}: ${seen}`)
  }
})

test('two names are one too many', async () => {
  const hello = await realHello('name.example')
  const at = hello.indexOf('name.example') - 9 // type, length, list length, name type, name length
  const extension = hello.subarray(at, at + 9 + 12)
  const doubled = Buffer.concat([hello.subarray(0, at), extension, hello.subarray(at)])
  const grow = (offset: number, size: 2 | 3) =>
    doubled.writeUIntBE(doubled.readUIntBE(offset, size) + extension.length, offset, size)
  grow(3, 2)
  grow(6, 3)
  const session = 5 + 4 + 34
  const ciphers = session + 1 + (hello[session] ?? 0)
  const compression = ciphers + 2 + hello.readUInt16BE(ciphers)
  grow(compression + 1 + (hello[compression] ?? 0), 2)
  assert.equal(kindOf(doubled), 'tls-malformed')
})
