// The supervisor program: what `mayfly up` becomes once the machine is prepared (docs/decisions/0078). It stays in the foreground,
// starts the programs of the installation and watches them until it is told to stop. Settings are its second argument.
import type { Log } from '../base/log.ts'
import {
  type Installation,
  type Prepared,
  prepare,
  restartSignal,
  type UpDeps,
  type UpOptions,
  up,
} from '../supervisor/index.ts'
import { createLog, handBackWhenQuiet, randomBytes, systemClock } from '../sys/index.ts'
import { sayFault } from './say-fault.ts'
import { listenForStop } from './stop.ts'

export type SupervisorSettings = {
  readonly options: UpOptions
  /** Of the first start; a restart prepares anew. */
  readonly prepared: Prepared
  readonly isVerbose: boolean
}

const main = async ({ options, prepared, isVerbose }: SupervisorSettings): Promise<number> => {
  const say = (line: string) => console.error(`  ${line}`)
  const signal = listenForStop(say)
  const restarts = listenFor(restartSignal)
  const log = isVerbose ? createLog('supervisor') : quietLog(createLog('supervisor', { level: 'warn' }))
  const deps: UpDeps = { clock: systemClock, randomBytes, log, say, signal }
  handBackWhenQuiet()
  try {
    for (let ready = prepared; ; ready = await prepare(options, deps)) {
      const installation = await up(options, deps, ready)
      if (!signal.aborted) announce(installation)
      await restarts.next(signal)
      if (!signal.aborted) say('restarting …')
      await installation.close()
      if (signal.aborted) return 0
    }
  } catch (error) {
    if (signal.aborted) return 130
    const code = sayFault(error)
    if (isVerbose) console.error(error)
    return code
  }
}

/** Signals that came before somebody waited for one count as one. */
const listenFor = (name: NodeJS.Signals) => {
  const state = { came: false, wake: () => {} }
  process.on(name, () => {
    state.came = true
    state.wake()
  })
  return {
    /** Resolves at the next one, or when `signal` aborts. */
    next: async (signal: AbortSignal): Promise<void> => {
      const woken = new Promise<void>((resolve) => {
        state.wake = resolve
        signal.addEventListener('abort', () => resolve(), { once: true })
      })
      if (!state.came && !signal.aborted) await woken
      state.came = false
    },
  }
}

/** Child output is only interesting when asked for; warnings of the supervisor itself always are. */
const quietLog = (log: Log): Log => ({
  ...log,
  info: () => undefined,
  child: (fields) => quietLog(log.child(fields)),
})

const announce = ({ address, claimUrl, signerCode, healthyAfterMs }: Installation): void => {
  console.log(`Mayfly is up at ${address} (healthy after ${Math.round(healthyAfterMs)} ms)`)
  if (claimUrl !== null) console.log(`Claim it within 30 minutes: ${claimUrl}`)
  if (signerCode !== null)
    console.log(`To put secrets, enrol your key with this code: mayfly secrets signer enrol\n  ${signerCode}`)
  console.log('Press Ctrl-C to stop it; everything it made on this machine goes with it, the data stays.')
}

// SAFE: written by the command line of the same build, in this process, a moment ago (operator-commands.ts).
const settings = JSON.parse(process.argv[3] ?? '') as SupervisorSettings
process.exitCode = await main(settings)
