// A driver's `measure`: the suite in a sandbox of its own, in each kind of cell, and what the driver may claim after it.
// A threat stays claimed only when no probe of it was open or failed to run; threats that no probe can show (bombs,
// residue, hostile archives) stay as the driver's code has them and are tested by those suites.
import type { Clock } from '../../base/clock.ts'
import type {
  Driver,
  Measured,
  ProbeResult,
  Sandbox,
  SandboxSpec,
  StepSpec,
  Threat,
  Tier,
} from '../driver.ts'
import { openProbeHost, type Planted, type ProbeHost, type ProbeHostOptions } from './host.ts'
import { allProbes, runProbes } from './run.ts'

export type MeasureDeps = {
  readonly clock: Clock
  readonly host: ProbeHostOptions
  /** What is measured: normally a small sandbox with an empty `list`, so that the gateway is there to be tried. */
  readonly spec: SandboxSpec
}

const cells: readonly StepSpec['cell'][] = ['shared', 'clean', 'job']

export const createMeasure =
  (deps: MeasureDeps) =>
  async (driver: Driver, signal: AbortSignal, planted?: Planted): Promise<Measured> => {
    const host = await openProbeHost({ ...deps.host, ...(planted === undefined ? {} : { others: planted }) })
    const startedMs = deps.clock.monotonicMs()
    try {
      const sandbox = await driver.open(deps.spec, signal)
      const startMs = Math.round(deps.clock.monotonicMs() - startedMs)
      const probes = await everyCell(sandbox, host, signal)
      const stops = driver.stops.filter((threat) => isHeld(threat, probes))
      return {
        at: new Date(deps.clock.now()).toISOString(),
        tier: tierOf(stops),
        stops,
        probes,
        startMs: { p50: startMs, p95: startMs, n: 1 },
      }
    } finally {
      await host.close()
    }
  }

/** T-01 … T-20 and T-22; what lies beyond is for drivers with a kernel of their own. */
const tierThreats: readonly Threat[] = Array.from(
  { length: 20 },
  (_, i): Threat => `T-${String(i + 1).padStart(2, '0')}`,
).concat('T-22')

/** The strongest of which every threat is stopped. Without root nothing of ours limits memory and processor. */
const tierOf = (stops: readonly Threat[]): Tier => {
  const missing = tierThreats.filter((threat) => !stops.includes(threat))
  if (missing.length === 0) return 'container'
  return missing.every((threat) => threat === 'T-16') ? 'rootless' : 'none'
}

/** The worst verdict of each probe over all kinds of cells. */
const everyCell = async (
  sandbox: Sandbox,
  host: ProbeHost,
  signal: AbortSignal,
): Promise<readonly ProbeResult[]> => {
  const worst = new Map<string, ProbeResult>()
  try {
    for (const cell of cells)
      for (const result of await runProbes(sandbox, host, { cell, signal })) {
        const known = worst.get(result.id)
        if (known !== undefined && badness(known) >= badness(result)) continue
        worst.set(result.id, { ...result, detail: `${cell}: ${result.detail}` })
      }
  } finally {
    await sandbox.close('done')
  }
  return [...worst.values()]
}

const badness = ({ verdict }: ProbeResult): number => (verdict === 'open' ? 2 : verdict === 'not-run' ? 1 : 0)

/** `not-run` for lack of something to try (no writable state directory, say) costs the claim too: it was not shown. */
const isHeld = (threat: Threat, results: readonly ProbeResult[]): boolean =>
  allProbes
    .filter((probe) => probe.threats.includes(threat))
    .every((probe) => results.some((result) => result.id === probe.id && badness(result) === 0))
