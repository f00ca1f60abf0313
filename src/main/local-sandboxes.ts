// Sandboxes on this machine for one command: this process is the runner half, the jailer its child, in a run directory
// of its own. Everything ends with the channel between them.
import { silentLog } from '../base/log.ts'
import type { LocalSandboxes } from '../cli/index.ts'
import { measureSpec } from '../runner/index.ts'
import { channelOverIpc, createMeasure, findClass, openNamespaceDriver } from '../sandbox/index.ts'
import { systemClock } from '../sys/index.ts'
import { type LocalJailer, type LocalJailerOptions, startLocalJailer } from './local-jailer.ts'

export type LocalOptions = LocalJailerOptions & {
  /** What jobs may reach beyond the ordinary, and what those may reach that do not say. */
  readonly privateRanges: readonly string[]
  readonly egressDefault?: LocalSandboxes['egressDefault']
  readonly isolation?: NonNullable<LocalSandboxes['isolation']>
}

const probeMs = 20_000

/** Takes the jailer over, also when it fails. */
export const openLocalSandboxes = async (
  options: LocalOptions,
  jailer: LocalJailer = startLocalJailer(options),
): Promise<LocalSandboxes> => {
  // Listening before the first message: what arrives earlier would be lost.
  const channel = channelOverIpc(jailer.child)
  const host = { stateDirectories: [jailer.runDirectory], sockets: [] }
  const measure = createMeasure({ clock: systemClock, host, spec: measureSpec })
  const { rootless } = jailer
  const driver = openNamespaceDriver({ channel, clock: systemClock, log: silentLog, measure, rootless })
  const close = async (): Promise<void> => {
    if (jailer.child.connected) await driver.close()
    channel.close()
    await jailer.close()
  }
  try {
    await jailer.ready
    // What is limited without root depends on the machine.
    if (rootless) await driver.probe(AbortSignal.timeout(probeMs))
    return {
      driver,
      classLimits: (word) => {
        const found = findClass(word)
        return found.ok ? found.class.limits : null
      },
      privateRanges: options.privateRanges,
      egressDefault: options.egressDefault ?? 'open',
      isolation: options.isolation ?? 'rootless',
      close,
    }
  } catch (error) {
    await close()
    throw error
  }
}
