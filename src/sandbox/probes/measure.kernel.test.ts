// The suite against the real thing: cells of the namespace driver behind its own jailer, with the gateway in place.
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { test } from 'node:test'
import { openLocalSandboxes } from '../../main/local-sandboxes.ts'
import { systemClock } from '../../sys/index.ts'
import type { EgressMode } from '../driver.ts'
import { contractSpec } from '../steps.contract.ts'
import { createMeasure } from './measure.ts'

const isReady = process.getuid?.() === 0 && existsSync('/usr/bin/bwrap')
const skip = isReady ? false : 'needs root and bubblewrap'

for (const mode of ['list', 'open', 'none'] as const satisfies readonly EgressMode[])
  test(`egress ${mode}: no probe is open in any kind of cell of the namespace driver`, {
    skip,
  }, async (t) => {
    const local = await openLocalSandboxes({ privateRanges: [] })
    try {
      const spec = { ...contractSpec, egress: { mode, allow: [], privateRanges: [] } }
      const host = { stateDirectories: ['/run'], sockets: [] }
      const measure = createMeasure({ clock: systemClock, host, spec })
      const startedMs = performance.now()
      const { probes, stops, tier } = await measure(local.driver, AbortSignal.timeout(60_000))
      t.diagnostic(`three kinds of cells in ${Math.round(performance.now() - startedMs)} ms, tier ${tier}`)
      assert.deepEqual(
        probes.filter(({ verdict }) => verdict !== 'held'),
        [],
      )
      assert.deepEqual(stops, local.driver.stops)
      assert.equal(tier, 'container')
    } finally {
      await local.close()
    }
  })
