import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeRefusal, encodeReply, parseQuery, rcode } from './dns-message.ts'

const name = (text: string): number[] => [
  ...text.split('.').flatMap((label) => [label.length, ...Buffer.from(label, 'latin1')]),
  0,
]
type Parts = {
  flags?: number
  counts?: number[]
  question?: number[]
  type?: number
  class?: number
  tail?: number[]
}
const message = (text: string, parts: Parts = {}): Uint8Array => {
  const two = (value: number) => [value >> 8, value & 255]
  return Uint8Array.from([
    ...[0x12, 0x34, ...two(parts.flags ?? 0x0100), ...(parts.counts ?? [1, 0, 0, 0]).flatMap(two)],
    ...(parts.question ?? [...name(text), ...two(parts.type ?? 1), ...two(parts.class ?? 1)]),
    ...(parts.tail ?? []),
  ])
}
const nameOf = (bytes: Uint8Array) => {
  const parsed = parseQuery(bytes)
  return parsed.kind === 'query' ? parsed.query.name : parsed.kind
}

test('one question is read, in lower case, with or without EDNS behind it', () => {
  assert.equal(nameOf(message('Registry.Example')), 'registry.example')
  const edns = [0, 0, 41, 16, 0, 0, 0, 0, 0, 0, 0]
  assert.equal(nameOf(message('a.b', { counts: [1, 0, 0, 1], tail: edns })), 'a.b')
  assert.equal(nameOf(message('_srv-1.b')), '_srv-1.b')
})

test('what is not a host name has no name', () => {
  for (const text of ['a b.example', 'ä.example', '-a.example', 'a/b', 'a\0b.c'])
    assert.equal(nameOf(message(text)), null, text)
  assert.equal(
    nameOf(message('', { question: [3, 97, 46, 98, 0, 0, 1, 0, 1] })),
    null,
    'a dot inside a label',
  )
  assert.equal(nameOf(message('', { question: [0, 0, 1, 0, 1] })), null, 'the root')
})

test('malformed messages are refused or dropped, never read further', () => {
  const long = Array(5).fill('x'.repeat(63)).join('.')
  assert.equal(nameOf(message(long)), 'refuse')
  assert.equal(nameOf(message('', { question: [0xc0, 12, 0, 1, 0, 1] })), 'refuse', 'compression')
  assert.equal(nameOf(message('', { question: [64, ...Array(64).fill(97), 0, 0, 1, 0, 1] })), 'refuse')
  assert.equal(nameOf(message('', { question: [5, 97] })), 'refuse', 'truncated label')
  assert.equal(nameOf(message('', { question: [1, 97, 0, 0] })), 'refuse', 'truncated type')
  assert.equal(nameOf(message('a.b', { counts: [2, 0, 0, 0] })), 'refuse')
  assert.equal(nameOf(message('a.b', { counts: [0, 0, 0, 0] })), 'refuse')
  assert.equal(nameOf(message('a.b', { counts: [1, 1, 0, 0] })), 'refuse')
  assert.equal(nameOf(message('a.b', { class: 3 })), 'refuse', 'CHAOS')
  assert.equal(nameOf(message('a.b', { flags: 0x2800 })), 'refuse', 'UPDATE')
  assert.equal(nameOf(message('a.b', { flags: 0x8180 })), 'drop', 'an answer')
  for (let length = 0; length < 12; length++) assert.equal(nameOf(message('a.b').subarray(0, length)), 'drop')
})

test('any bytes are answered, refused or dropped', () => {
  let seed = 42
  const random = () => {
    seed = (seed * 1103515245 + 12345) & 0x7fffffff
    return seed >> 16
  }
  for (let i = 0; i < 5_000; i++) {
    const bytes = message('name.example', {
      tail: Array.from({ length: random() % 20 }, () => random() & 255),
    })
    for (let flips = random() % 8; flips >= 0; flips--) bytes[random() % bytes.length] = random() & 255
    const parsed = parseQuery(bytes)
    if (parsed.kind === 'query')
      assert(encodeReply(parsed.query, { rcode: 0, address: '198.18.0.1' }).length < 600)
  }
})

test('answers repeat the question and hold one address', () => {
  const parsed = parseQuery(message('a.b'))
  assert(parsed.kind === 'query')
  const reply = Buffer.from(encodeReply(parsed.query, { rcode: rcode.ok, address: '198.18.1.2' }))
  assert.equal(
    reply.toString('hex'),
    '1234818000010001000000000161016200 00010001 c00c 0001 0001 0000003c 0004 c6120102'.replaceAll(' ', ''),
  )
  const refused = Buffer.from(encodeReply(parsed.query, { rcode: rcode.name }))
  assert.equal(refused.toString('hex'), '12348183000100000000000001610162000001 0001'.replaceAll(' ', ''))
  assert.equal(Buffer.from(encodeRefusal(7, rcode.format)).toString('hex'), '000780810000000000000000')
})
