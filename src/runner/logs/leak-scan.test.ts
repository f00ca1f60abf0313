import assert from 'node:assert/strict'
import { test } from 'node:test'
import { deflateRawSync, gzipSync } from 'node:zlib'
import { spentMs } from '../../../test/support/hostile.ts'
import { createLeakScan } from './leak-scan.ts'

const secret = 'hunter2hunter2'
const plain = Buffer.from(`HOME=/home/ci\nTOKEN=${secret}\nPATH=/usr/bin\n`)

/** Whether the scan shows the secret to who looks, for `text` given in pieces of `pieceBytes`. */
const finds = (text: Uint8Array | string, pieceBytes = 1_000): boolean => {
  let isFound = false
  const stream = createLeakScan((bytes) => {
    isFound ||= bytes.includes(secret)
  }).stream()
  const bytes = Buffer.concat([
    Buffer.from('first line\nkey='),
    Buffer.from(text),
    Buffer.from('.\nlast line\n'),
  ])
  const lent = Buffer.alloc(pieceBytes)
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    const piece = bytes.subarray(at, at + pieceBytes)
    lent.set(piece)
    stream.write(lent.subarray(0, piece.length))
    lent.fill('!')
  }
  stream.end()
  return isFound
}

const base64 = (bytes: Uint8Array) => Buffer.from(Buffer.from(bytes).toString('base64'))
const wrapped = (bytes: Uint8Array, end = '\n') =>
  Buffer.from(bytes).toString('base64').replace(/.{76}/g, `$&${end}`)
const zip = (method: 0 | 8): Buffer => {
  const data = method === 0 ? plain : deflateRawSync(plain)
  const header = Buffer.alloc(30)
  header.write('PK\x03\x04', 'latin1')
  header.writeUInt16LE(method, 8)
  header.writeUInt32LE(data.length, 18)
  header.writeUInt16LE(5, 26)
  const first = Buffer.concat([header, Buffer.from('a.env')])
  const other = Buffer.from(first)
  other.writeUInt32LE(0, 18)
  return Buffer.concat([other, first, data, Buffer.from('PK\x01\x02')])
}

test('finds what is packed in base64, gzip and zip, each in the other', () => {
  const packed: Readonly<Record<string, Uint8Array | string>> = {
    base64: base64(plain),
    'base64 wrapped': wrapped(plain),
    'base64 wrapped, both line ends': wrapped(plain, '\r\n'),
    base64url: plain.toString('base64url'),
    gzip: gzipSync(plain),
    'gzip in base64': base64(gzipSync(plain)),
    'gzip in base64, wrapped': wrapped(
      gzipSync(Buffer.concat([plain, Buffer.from(String(Math.PI).repeat(50))])),
    ),
    'gzip with a name': Buffer.concat([
      Buffer.from([0x1f, 0x8b, 8, 8, 0, 0, 0, 0, 0, 3]),
      Buffer.from('a.env\0'),
      gzipSync(plain).subarray(10),
    ]),
    'gzip, cut off': gzipSync(plain).subarray(0, -8),
    zip: zip(8),
    'zip, stored': zip(0),
    'zip in base64': base64(zip(8)),
    'base64 in gzip in base64': base64(gzipSync(base64(plain))),
    'gzip in gzip in gzip': gzipSync(gzipSync(gzipSync(plain))),
  }
  for (const [name, text] of Object.entries(packed))
    for (const pieceBytes of [1, 7, 64, 1_000]) assert.ok(finds(text, pieceBytes), `${name} by ${pieceBytes}`)
})

test('looks no deeper than three, and not into what becomes too large', () => {
  assert.equal(finds(gzipSync(gzipSync(gzipSync(gzipSync(plain))))), false)
  assert.equal(finds(gzipSync(Buffer.concat([Buffer.alloc(64 * 1024 * 1024), plain]))), false)
})

test('says nothing of the log as it is, and survives what only looks packed', () => {
  assert.equal(finds(plain), false)
  for (const text of ['\x1f\x8b\x08nonsense', 'PK\x03\x04', 'PK\x03\x04'.repeat(500), 'A'.repeat(5_000)])
    for (const pieceBytes of [1, 1_000]) assert.equal(finds(Buffer.from(text, 'latin1'), pieceBytes), false)
})

test('an attempt is looked into up to a bound', () => {
  let looked = 0
  const stream = createLeakScan((bytes) => {
    looked += bytes.length
  }).stream()
  const chunk = Buffer.from(`${'QUJDREVG'.repeat(8_000)} `)
  for (let at = 0; at < 4_000; at++) stream.write(chunk)
  stream.end()
  assert.ok(looked <= 64 * 1024 * 1024 && looked > 32 * 1024 * 1024, `${looked}`)
})

test('what unpacks to too much costs an attempt no more than it may', () => {
  const bomb = deflateRawSync(Buffer.alloc(9 * 1024 * 1024))
  const header = Buffer.alloc(30)
  header.write('PK\x03\x04', 'latin1')
  header.writeUInt16LE(8, 8)
  const headers = Buffer.concat(Array.from({ length: 100 }, () => header))
  const bombs = [
    ['from each entry of a zip', 30, Buffer.concat([headers, bomb])],
    ['from a gzip', 400, Buffer.concat([gzipSync('').subarray(0, 10), bomb])],
  ] as const
  for (const [name, count, bytes] of bombs) {
    const text = Buffer.concat([base64(bytes), Buffer.from(' ')])
    const stream = createLeakScan(() => undefined).stream()
    const began = spentMs()
    for (let at = 0; at < count; at++) stream.write(text)
    stream.end()
    assert.ok(spentMs() - began < 2_000, `too much ${name}: ${spentMs() - began} ms`)
  }
})
