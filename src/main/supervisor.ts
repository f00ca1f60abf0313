// The commands of the operator: `up`, `down`, `restart`, `backup` and `vault`. `up` stays in the foreground and is the supervisor itself
// (docs/decisions/0003). main/cli.ts adds them to its program; their zone is loaded only when one is called.
import { existsSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { type Command, InvalidArgumentError } from 'commander'
import type { Log } from '../base/log.ts'
import type { Installation, Layout } from '../supervisor/index.ts'
import { createLog, randomBytes, systemClock } from '../sys/index.ts'
import { addBackupCommands } from './backup-commands.ts'
import { sayFault } from './say-fault.ts'
import { addVaultCommands } from './vault-commands.ts'

type UpFlags = {
  readonly data?: string
  readonly port: number
  readonly runnerPort: number
  readonly localRepos: readonly string[]
  readonly sample: boolean
  readonly verbose: boolean
}

const collect = (value: string, before: readonly string[]): readonly string[] => [...before, resolve(value)]

const portMax = 65_535
const portOf = (value: string): number => {
  const port = Number(value)
  if (!/^\d+$/.test(value) || port < 1 || port > portMax)
    throw new InvalidArgumentError(`A port is a number from 1 to ${portMax}.`)
  return port
}

/** `home`: the directory of the clone or release, which holds `build/` and `examples/`. */
export const addSupervisorCommands = (program: Command, home: string, version: string): void => {
  addBackupCommands(program, { version, layoutOf })
  addVaultCommands(program, layoutOf)
  program
    .command('up')
    .description('start a whole installation on this machine and keep it running')
    .option('--data <dir>', 'where it keeps its data (default /var/lib/mayfly)')
    .option('--port <n>', 'port for people, on localhost', portOf, 8420)
    .option('--runner-port <n>', 'port for runners', portOf, 8421)
    .option(
      '--local-repos <dir>',
      'projects may name repositories below this directory (repeatable)',
      collect,
      [],
    )
    .option('--no-sample', 'do not run the sample project at the first start')
    .option('--verbose', 'show what the programs log', false)
    .action(async (flags: UpFlags) => {
      process.exitCode = await runUp(flags, home)
    })
  program
    .command('down')
    .description('stop the installation that runs on this machine')
    .option('--data <dir>', 'the one whose data lies there')
    .action(async (flags: { data?: string }) => {
      const { down } = await import('../supervisor/index.ts')
      const stopped = await down(await layoutOf(flags.data))
      console.error(stopped ? 'stopped' : 'nothing was running')
    })
  program
    .command('restart')
    .description('stop its programs in order and start them with the settings as they are now')
    .option('--data <dir>', 'the one whose data lies there')
    .action(async (flags: { data?: string }) => {
      process.exitCode = await runRestart(await layoutOf(flags.data))
    })
}

const runRestart = async (layout: Layout): Promise<number> => {
  const { restart } = await import('../supervisor/index.ts')
  try {
    const took = await restart(layout, (line) => console.error(`  ${line}`))
    console.error(took === null ? 'nothing was running: mayfly up' : `healthy after ${Math.round(took)} ms`)
    return took === null ? 4 : 0
  } catch (error) {
    return sayFault(error)
  }
}

const layoutOf = async (data: string | undefined) => {
  const { findLayout } = await import('../supervisor/index.ts')
  const environment = process.env
  return findLayout({
    data: data ?? environment.MAYFLY_DATA,
    environment,
    isRoot: process.getuid?.() === 0,
    uid: process.getuid?.() ?? 0,
  })
}

const runUp = async (flags: UpFlags, home: string): Promise<number> => {
  const { up, restartSignal } = await import('../supervisor/index.ts')
  const layout = await layoutOf(flags.data)
  // What we make is given its mode explicitly; what a tool makes for us must stay readable for the service users.
  process.umask(0o022)
  const stop = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stop.abort())
  const restarts = listenFor(restartSignal)
  const say = (line: string) => console.error(`  ${line}`)
  const log = flags.verbose ? createLog('supervisor') : quietLog(createLog('supervisor', { level: 'warn' }))
  const options = {
    layout,
    port: flags.port,
    runnerPort: flags.runnerPort,
    localRepositories: flags.localRepos,
    withSample: flags.sample,
    from: { build: join(home, 'build'), node: process.execPath, sample: join(home, 'examples/hello') },
  }
  try {
    while (!stop.signal.aborted) {
      const deps = { clock: systemClock, randomBytes, log, say, signal: stop.signal }
      const installation = await up(options, deps)
      announce(installation, Math.round(installation.healthyAfterMs))
      await restarts.next(stop.signal)
      say(stop.signal.aborted ? 'stopping …' : 'restarting …')
      await installation.close()
    }
    return 0
  } catch (error) {
    if (stop.signal.aborted) return 130
    const code = sayFault(error)
    if (flags.verbose) console.error(error)
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

const announce = (
  installation: Pick<Installation, 'address' | 'claimUrl' | 'signerCode'>,
  healthyMs: number,
): void => {
  console.log(`Mayfly is up at ${installation.address} (healthy after ${healthyMs} ms)`)
  if (installation.claimUrl !== null) console.log(`Claim it within 30 minutes: ${installation.claimUrl}`)
  if (installation.signerCode !== null)
    console.log(
      `To put secrets, enrol your key with this code: mayfly secrets signer enrol\n  ${installation.signerCode}`,
    )
  console.log('Press Ctrl-C to stop it; everything it made on this machine goes with it, the data stays.')
}

/** The directory that holds `build/`: two levels above this file, from source and from a bundle alike. */
export const findHome = (file: string): string => {
  const candidates = [resolve(dirname(file), '..'), resolve(dirname(file), '../..')]
  return candidates.find((path) => existsSync(join(path, 'package.json'))) ?? process.cwd()
}
