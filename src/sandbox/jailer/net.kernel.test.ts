// Networks of nests under load: namespaces that end beside namespaces that begin, whose inode numbers the kernel reuses
// at once. None may be taken for a holder of another.
import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { test } from 'node:test'
import { needsRoot } from '../../../test/support/jailer.ts'
import { openNestNet } from './net.ts'

const binder = [process.execPath, new URL('../../main/binder.ts', import.meta.url).pathname] as const
const descriptors = () => readdirSync('/proc/self/fd').length

test('networks that close while others open are each found gone', {
  skip: needsRoot,
  timeout: 120_000,
}, async (t) => {
  const before = descriptors()
  const closeMs: number[] = []
  const lane = async (number: number) => {
    for (let round = 0; round < 10; round++) {
      const net = await openNestNet({ nestId: `lane${number}`, ports: [8080], binder })
      const begin = performance.now()
      const gone = await net.close()
      closeMs.push(performance.now() - begin)
      assert.deepEqual(
        gone.filter((check) => !check.ok),
        [],
      )
    }
  }
  await Promise.all(Array.from({ length: 8 }, (_, number) => lane(number)))
  assert.ok(descriptors() <= before + 1, `${descriptors() - before} descriptors are left`)
  const sorted = closeMs.sort((a, b) => a - b)
  t.diagnostic(`close: median ${sorted[40]?.toFixed(0)} ms, slowest ${sorted.at(-1)?.toFixed(0)} ms`)
})
