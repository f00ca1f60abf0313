// Writes down how the programs of this installation are (protocol/roster.ts), at every change, for whoever asks:
// the server's status page, and `mayfly status` when there is no server to ask.
import { chmod } from 'node:fs/promises'
import type { Clock } from '../base/clock.ts'
import type { Log } from '../base/log.ts'
import type { Roster, RosterProcess } from '../protocol/roster.ts'
import { writeFileDurably } from '../sys/index.ts'

export type RosterWriter = {
  readonly note: (name: string, change: Pick<RosterProcess, 'pid' | 'state'> & { end?: string }) => void
  /** Once everything noted is written. */
  readonly written: () => Promise<void>
}

export const openRoster = (deps: {
  readonly path: string
  readonly metricsPort: number | null
  readonly clock: Clock
  readonly log: Log
}): RosterWriter => {
  const now = () => new Date(deps.clock.now()).toISOString()
  const supervisor: Roster['supervisor'] = {
    ...{ pid: process.pid, since: now() },
    metrics_port: deps.metricsPort,
  }
  const processes = new Map<string, RosterProcess>()
  let tail: Promise<void> = Promise.resolve()
  const write = async (): Promise<void> => {
    try {
      const roster: Roster = { supervisor, processes: [...processes.values()] }
      await writeFileDurably(deps.path, `${JSON.stringify(roster)}\n`, 0o644)
      await chmod(deps.path, 0o644)
    } catch (error) {
      deps.log.warn('the state of the programs was not written down', { error })
    }
  }
  return {
    note: (name, { pid, state, end }) => {
      const before = processes.get(name)
      const isAgain = before !== undefined && state === 'running'
      processes.set(name, {
        ...{ name, pid, state, since: now() },
        restarts: (before?.restarts ?? 0) + (isAgain ? 1 : 0),
        last_end: end ?? before?.last_end ?? null,
      })
      tail = tail.then(write)
    },
    written: () => tail,
  }
}
