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
      const holders = findNamespaceHolders([link], await survey())
      assert.equal(holders.ok, true, holders.detail)
      link.close()
    }
  }
  await Promise.all(Array.from({ length: 8 }, lane)).finally(network.close)
  assert.ok(descriptors() <= before + 1, `${descriptors() - before} descriptors are left`)
  const sorted = closeMs.sort((a, b) => a - b)
  t.diagnostic(`close: median ${sorted[40]?.toFixed(0)} ms, slowest ${sorted.at(-1)?.toFixed(0)} ms`)
})
