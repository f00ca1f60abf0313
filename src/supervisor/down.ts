// `mayfly down`: asks the supervisor of this installation to stop and waits until it is gone.
import { fault } from '../base/faults.ts'
import type { Layout } from './layout.ts'
import { findSupervisor, isAlive } from './lock.ts'

/** Longer than its programs have one after the other. */
const stopDeadlineMs = 90_000

/** false when nothing was running. */
export const down = async (layout: Layout): Promise<boolean> => {
  const pid = await findSupervisor(layout)
  if (pid === null) return false
  process.kill(pid, 'SIGTERM')
  const until = performance.now() + stopDeadlineMs
  while (isAlive(pid)) {
    if (performance.now() > until)
      throw fault('E_MACHINE_NOT_READY', { public: `The supervisor (process ${pid}) does not stop` })
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  return true
}
