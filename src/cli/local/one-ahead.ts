// The first sandbox of a run, built while the configuration is still read and compiled. What most jobs want is guessed; a
// job that wants something else gets its own, and the guess goes away unused with the rest.
import { defaultClass } from '../../protocol/resource-class.ts'
import type { PoolWant, SandboxSpec } from '../../sandbox/index.ts'
import type { LocalSandboxes } from '../surroundings.ts'

export const withOneAhead = (
  sandboxes: LocalSandboxes,
  network: 'none' | 'open' | undefined,
): LocalSandboxes => {
  const { driver } = sandboxes
  const limits = sandboxes.classLimits(defaultClass)
  if (limits === null || driver.prepare === undefined) return sandboxes
  const net = (network ?? sandboxes.egressDefault) === 'none' ? 'none' : 'gateway'
  const want: PoolWant = { image: 'host', shape: 'user', net, limits, count: 1 }
  let ahead: Promise<void> | null = driver.prepare(want)
  // Whoever opens one hears the same failure from that.
  ahead.catch(() => undefined)
  const open: typeof driver.open = async (spec, signal) => {
    const first = ahead
    ahead = null
    if (first !== null && fits(spec, want)) await first.catch(() => undefined)
    const opened = driver.open(spec, signal)
    // Taken or not wanted: no other one takes its place.
    if (first !== null) driver.prepare?.({ ...want, count: 0 }).catch(() => undefined)
    return opened
  }
  return { ...sandboxes, driver: { ...driver, open } }
}

const fits = ({ limits, egress }: SandboxSpec, want: PoolWant): boolean =>
  limits === want.limits && (egress.mode === 'none' ? 'none' : 'gateway') === want.net
