// Addresses on an interface without carrier, in a network namespace of the test's own: Node does not see them, the
// kernel answers for them.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { needsRoot } from '../../../test/support/jailer.ts'
import { run } from '../../sys/index.ts'
import { addressesOfIpv6, localRoutes } from './own-addresses.ts'

const orders = `link set lo up
link add without type veth peer name other
addr add 192.0.2.77/24 dev without
addr add 2001:db8::77/64 dev without nodad
link set without up
`
const program = `
const { networkInterfaces } = await import('node:os')
const { readOwnAddresses } = await import(process.argv[1])
const seen = Object.values(networkInterfaces()).flat().map(({ address }) => address)
process.stdout.write(JSON.stringify({ seen, own: readOwnAddresses() }))
`

test('an address on an interface without carrier is this machine’s own', {
  skip: needsRoot,
  timeout: 30_000,
}, async () => {
  const script = 'set -e; printf "%s" "$1" | ip -batch -; shift; exec "$@"'
  const node = [process.execPath, '--input-type=module', '-e', program]
  const module = new URL('./own-addresses.ts', import.meta.url).href
  const inside = ['--net', '--', '/bin/sh', '-c', script, 'sh', orders, ...node, module]
  const { stdout, stderr } = await run('unshare', inside, { timeoutMs: 20_000 })
  const { seen, own } = JSON.parse(stdout.toString() || assert.fail(stderr.toString()))
  for (const address of ['192.0.2.77', '2001:db8::77', '127.0.0.1', '::1'])
    assert.ok(own.includes(address), `${address} is missing in ${own}`)
  assert.ok(!seen.includes('192.0.2.77'), 'Node sees them by itself: this module has no reason any more')
})

test('only what is ours alone is read from the tables', () => {
  const trie = `Main:
  +-- 0.0.0.0/0 3 0 5
     |-- 0.0.0.0
        /0 universe UNICAST
     +-- 192.0.2.0/24 2 0 2
        |-- 192.0.2.0
           /24 link UNICAST
        |-- 192.0.2.77
           /32 host LOCAL
        |-- 192.0.2.255
           /32 link BROADCAST
     |-- 127.0.0.0
        /8 host LOCAL
`
  assert.deepEqual(localRoutes(trie), ['192.0.2.77'])
  const table = '20010db8000000000000000000000077 02 40 00 80     eth0\nnonsense\n'
  assert.deepEqual(addressesOfIpv6(table), ['2001:db8::77'])
})
