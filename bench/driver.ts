// The namespace driver with a jailer of its own, for scenarios that measure sandboxes without a server.
import { silentLog } from '../src/base/log.ts'
import { type Driver, openNamespaceDriver } from '../src/sandbox/index.ts'
import { systemClock } from '../src/sys/index.ts'
import { startJailer } from '../test/support/jailer.ts'

export type DriverState = { readonly driver: Driver; readonly close: () => Promise<void> }

const probeMs = 60_000

export const openDriver = async (): Promise<DriverState> => {
  const jailer = await startJailer()
  const driver = openNamespaceDriver({ channel: jailer.channel, clock: systemClock, log: silentLog })
  const probe = await driver.probe(AbortSignal.timeout(probeMs))
  if (!probe.ok) throw new Error(probe.why)
  return {
    driver,
    close: async () => {
      await driver.close()
      await jailer.stop()
    },
  }
}
