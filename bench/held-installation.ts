// The one installation that the scenarios of a run of the bench share: made when first asked for, stopped at the end whatever
// happened.
import { type BenchInstallation, type InstallationOptions, openBenchInstallation } from './installation.ts'

export type HeldInstallation = {
  readonly installation: () => Promise<BenchInstallation>
  /** null: nobody asked for it yet. */
  readonly current: () => BenchInstallation | null
  readonly close: () => Promise<void>
}

export const holdInstallation = (directory: string, options: InstallationOptions = {}): HeldInstallation => {
  let opening: Promise<BenchInstallation> | null = null
  let opened: BenchInstallation | null = null
  return {
    installation: async () => {
      opening ??= openBenchInstallation(directory, options)
      opened = await opening
      return opened
    },
    current: () => opened,
    close: async () => {
      await (await opening?.catch(() => null))?.close()
    },
  }
}
