// Networks of nests under load: namespaces that end beside namespaces that begin, whose inode numbers the kernel reuses
// at once. None may be taken for a holder of another.
import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { test } from 'node:test'
import { needsRoot } from '../../../test/support/jailer.ts'
import { createSurveyor } from './gone.ts'
import { createGatewayNet } from './net.ts'
import { findNamespaceHolders } from './net-holders.ts'

const binder = [process.execPath, new URL('../../main/binder.ts', import.meta.url).pathname] as const
const descriptors = () => readdirSync('/proc/self/fd').length

test('networks that close while others open are each found gone', {
  skip: needsRoot,
  timeout: 120_000,
}, async (t) => {
  const network = createGatewayNet(binder)
  const survey = createSurveyor()
  const before = descriptors()
  const closeMs: number[] = []
  const lane = async () => {
    for (let round = 0; round < 10; round++) {
      const link = await network.openLink()
      const begin = performance.now()
      const gone = await network.remove([link])
      closeMs.push(performance.now() - begin)
      assert.equal(gone.ok, true, gone.detail)
      const holders = findNamespaceHolders([link], await survey(() => new Set()))
      assert.equal(holders.ok, true, holders.detail)
      link.close()
    }
  }
  await Promise.all(Array.from({ length: 8 }, lane)).finally(network.close)
  assert.ok(descriptors() <= before + 1, `${descriptors() - before} descriptors are left`)
  const sorted = closeMs.sort((a, b) => a - b)
  t.diagnostic(`close: median ${sorted[40]?.toFixed(0)} ms, slowest ${sorted.at(-1)?.toFixed(0)} ms`)
})

test('a network that was cut keeps its number: nobody else may have it while its nest is there', {
  skip: needsRoot,
  timeout: 60_000,
}, async () => {
  const network = createGatewayNet(binder, 2)
  try {
    const [cut, other] = [await network.openLink(), await network.openLink()]
    assert.equal((await network.cut([cut])).ok, true)
    await assert.rejects(network.openLink(), /too many job networks|E_SANDBOX_UNAVAILABLE/)
    assert.equal((await network.remove([cut])).ok, true)
    const next = await network.openLink()
    assert.equal(next.index, cut.index)
    for (const link of [next, other]) assert.equal((await network.remove([link])).ok, true)
    for (const link of [cut, next, other]) link.close()
  } finally {
    await network.close()
  }
})
