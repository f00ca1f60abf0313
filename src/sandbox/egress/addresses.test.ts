import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isFault } from '../../base/faults.ts'
import { parseSettings } from '../../supervisor/settings.ts'
import { normalizeAddress, parseAddressExceptions } from '../../sys/index.ts'
import { type AddressQuestion, checkAddress } from './addresses.ts'

const ask = (address: string, more: Partial<AddressQuestion> & { allow?: readonly string[] } = {}) =>
  checkAddress(address, {
    port: 443,
    host: null,
    isSource: false,
    own: new Set(['93.184.216.99', '192.168.7.7']),
    exceptions: parseAddressExceptions(more.allow ?? []),
    ...more,
  })

// First, last and a middle address of every range, in every notation that a resolver could hand us.
const refused: Record<string, readonly string[]> = {
  unspecified: ['0.0.0.0', '0.1.2.3', '::'],
  private: [
    '10.0.0.0',
    '10.255.255.255',
    '172.16.0.1',
    '172.31.255.255',
    '192.168.0.1',
    'fc00::1',
    'fdff::1',
    'fec0::1',
  ],
  carrier: ['100.64.0.1', '100.127.255.255'],
  loopback: ['127.0.0.1', '127.255.255.254', '::1', '0:0:0:0:0:0:0:1', '::ffff:127.0.0.1', '::ffff:7f00:1'],
  metadata: ['168.63.129.16', '::ffff:168.63.129.16', '::ffff:a83f:8110'],
  'link-local': ['169.254.169.254', 'fe80::1', 'febf::1', '::ffff:a9fe:a9fe'],
  'special-purpose': [
    '192.0.0.1',
    '192.0.2.1',
    '192.88.99.1',
    '198.18.0.1',
    '198.19.255.255',
    '198.51.100.1',
  ],
  multicast: ['224.0.0.1', '239.1.1.1', '240.0.0.1', '255.255.255.255', 'ff02::1'],
  translated: ['64:ff9b::a00:1', '64:ff9b::10.0.0.1', '64:ff9b:1::1', '2002:a00:1::'],
  'own-address': ['93.184.216.99'],
  'not-an-address': [
    '',
    '0x7f000001',
    '2130706433',
    '127.1',
    '0177.0.0.1',
    'fe80::1%eth0',
    '1.2.3.4.5',
    'localhost',
    '[::1]',
  ],
}
for (const [why, addresses] of Object.entries(refused))
  test(`${why} is refused in every notation`, () => {
    for (const address of addresses) assert.equal(ask(address), why, address)
  })
test('v6 special ranges and mapped private addresses are refused', () => {
  for (const address of ['203.0.113.9', '100::1', '2001::1', '2001:db8::1'])
    assert.equal(ask(address), 'special-purpose')
  assert.equal(ask('::ffff:10.0.0.1'), 'private')
  assert.equal(ask('::FFFF:C0A8:0001'), 'private')
})

test('the neighbours of the ranges are public', () => {
  for (const address of [
    '1.1.1.1',
    '9.255.255.255',
    '11.0.0.0',
    '100.63.255.255',
    '100.128.0.0',
    '126.255.255.255',
  ])
    assert.equal(ask(address), null, address)
  for (const address of [
    '128.0.0.0',
    '172.15.255.255',
    '172.32.0.0',
    '198.17.255.255',
    '198.20.0.0',
    '223.255.255.255',
  ])
    assert.equal(ask(address), null, address)
  for (const address of ['2606:4700::1111', '2a00::1', '::ffff:8.8.8.8', '64:ff9a::1'])
    assert.equal(ask(address), null, address)
})

test('addresses have one spelling', () => {
  assert.equal(normalizeAddress('0:0:0:0:0:ffff:8.8.8.8'), '8.8.8.8')
  assert.equal(normalizeAddress('2A00:0:0:0:0:0:0:1'), '2a00::1')
})

test('an exception opens its range and its port only', () => {
  const allow = ['203.0.113.0/24:443', '10.1.0.0/16', '[fd00::/8]:443']
  assert.equal(ask('203.0.113.7', { allow }), null)
  assert.equal(ask('203.0.113.7', { allow, port: 80 }), 'special-purpose')
  assert.equal(ask('10.1.2.3', { allow, port: 5432 }), null)
  assert.equal(ask('10.2.0.1', { allow }), 'private')
  assert.equal(ask('fd00::7', { allow }), null)
  assert.equal(ask('::ffff:203.0.113.7', { allow }), null)
})

test('what the settings take as CIDR:port opens its range and its port, of IPv6 too', () => {
  for (const [text, address] of [
    ['10.1.0.0/16:443', '10.1.2.3'],
    ['fd00::/8:443', 'fd00::7'],
    ['fd12:3456::1/128:443', 'fd12:3456::1'],
  ] as const) {
    const allow = parseSettings(`egress: {allow: ['${text}']}`, 'mayfly.yml').egress.allow
    assert.equal(ask(address, { allow }), null, text)
    assert.equal(ask(address, { allow, port: 80 }), 'private', text)
  }
})

test('an exception by name follows the name, not the address', () => {
  const allow = ['registry.corp.example:443', '*.inner.example']
  assert.equal(ask('10.9.9.9', { allow, host: 'registry.corp.example' }), null)
  assert.equal(ask('10.9.9.9', { allow, host: 'other.corp.example' }), 'private')
  assert.equal(ask('10.9.9.9', { allow, host: 'a.inner.example' }), null)
  assert.equal(ask('10.9.9.9', { allow, host: null }), 'private')
})

test('loopback, metadata and multicast open for source hosts only, own addresses by exact address', () => {
  const allow = ['127.0.0.0/8', '169.254.169.254', '::1', '0.0.0.0/0', 'name.example']
  for (const address of ['127.0.0.1', '169.254.169.254', '::1', '224.0.0.1'])
    assert.notEqual(ask(address, { allow, host: 'name.example' }), null, address)
  assert.equal(ask('127.0.0.1', { allow, isSource: true }), null)
  assert.equal(ask('127.0.0.1', { allow: ['127.0.0.1:2222'], isSource: true, port: 2223 }), 'loopback')
  assert.equal(ask('192.168.7.7', { allow: ['192.168.0.0/16'] }), 'own-address')
  assert.equal(ask('192.168.7.7', { allow: ['192.168.7.7:443'] }), null)
})

test('no name opens an own address to a job, and no exact address what is never opened; a source host has both', () => {
  const named = { allow: ['name.example'], host: 'name.example' }
  assert.equal(ask('192.168.7.7', named), 'own-address')
  assert.equal(ask('192.168.7.7', { ...named, isSource: true }), null)
  assert.equal(ask('192.168.7.7', { allow: ['192.168.0.0/16'], isSource: true }), null)
  for (const address of ['127.0.0.1', 'fe80::1'])
    assert.notEqual(ask(address, { allow: [address], own: new Set([address]) }), null, address)
})

test('a malformed exception is a fault, never ignored', () => {
  for (const text of [
    '10.0.0.0/33',
    '10.0.0.0/',
    '10.0.0/8',
    '10.0.0.0/8:0',
    '10.0.0.0/8:99999',
    'a b',
    '',
    '*.com',
    '1.2.3.4/8/8',
    '[::1',
    '10.0.0.0/-1',
  ])
    assert.throws(
      () => parseAddressExceptions([text]),
      (error) => isFault(error, 'E_CONFIG_INVALID'),
      text,
    )
})
