import assert from 'node:assert/strict'
import { test } from 'node:test'
import { networkOf } from './network.ts'

const check = (address: string, expected: string) => assert.equal(networkOf(address), expected, address)

test('IPv4 counts by address, mapped or not', () => {
  check('192.0.2.1', '192.0.2.1')
  check('::ffff:192.0.2.1', '192.0.2.1')
  check('::FFFF:192.0.2.1', '192.0.2.1')
})

test('a port that a proxy wrote behind it counts for nothing', () => {
  check('192.0.2.1:49152', '192.0.2.1')
  check('[2001:db8:1:2::9]:49152', '2001:db8:1:2::/64')
  check('[2001:db8:1:2::9]', '2001:db8:1:2::/64')
  check('[::ffff:192.0.2.1]:1', '192.0.2.1')
})

test('IPv6 counts by /64, however it is written', () => {
  check('2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64')
  check('2001:0db8:0001:0002::', '2001:db8:1:2::/64')
  check('2001:db8:1:2::9', '2001:db8:1:2::/64')
  check('2001:db8::1', '2001:db8:0:0::/64')
  check('::1', '0:0:0:0::/64')
  check('fe80::1%eth0', 'fe80:0:0:0::/64')
})
